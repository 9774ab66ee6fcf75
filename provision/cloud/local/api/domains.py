"""Domains and their records: what the instance's DNS server answers."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import msgspec
from flask import Blueprint, request

from ..model import RECORD_TYPES, Domain, Record
from .context import cloud
from .http import body, not_found, page, unprocessable

blueprint = Blueprint("domains", __name__)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_RECORD_NAME = re.compile(rf"@|\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_NAME_SERVERS = ("ns1.digitalocean.com.", "ns2.digitalocean.com.", "ns3.digitalocean.com.")
_NEEDS = {"MX": ("priority",), "SRV": ("priority", "port", "weight"), "CAA": ("flags", "tag")}


class _NewDomain(msgspec.Struct):
    name: str
    ip_address: str = ""


class _NewRecord(msgspec.Struct, kw_only=True):
    type: str
    name: str = "@"
    data: str = ""
    ttl: int = 1800
    priority: int | None = None
    port: int | None = None
    weight: int | None = None
    flags: int | None = None
    tag: str | None = None


class _RecordChange(msgspec.Struct, kw_only=True):
    type: str | None = None
    name: str | None = None
    data: str | None = None
    ttl: int | None = None
    priority: int | None = None
    port: int | None = None
    weight: int | None = None
    flags: int | None = None
    tag: str | None = None


@blueprint.get("/domains")
def list_domains() -> dict[str, Any]:
    """List all domains."""
    return page("domains", [_show_domain(domain) for domain in cloud().store.find(Domain)])


@blueprint.post("/domains")
def create_domain() -> tuple[dict[str, Any], int]:
    """Add a domain with its name servers, and an address record for it where one is given."""
    new = body(_NewDomain)
    name = new.name.lower().rstrip(".")
    if not _HOST.fullmatch(name) or "." not in name:
        raise unprocessable("Name Only valid hostname characters are allowed.")
    records = [Record(domain=name, type="NS", name="@", data=server) for server in _NAME_SERVERS]
    if new.ip_address:
        records.append(_checked(Record(domain=name, type="A", name="@", data=new.ip_address)))
    with cloud().store.transaction():
        if cloud().store.find(Domain, lambda domain: domain.name == name):
            raise unprocessable(f"Name '{name}' already exists")
        domain = cloud().store.add(Domain(name=name))
        for record in records:
            cloud().store.add(record)
    return {"domain": _show_domain(domain)}, 201


@blueprint.get("/domains/<name>")
def get_domain(name: str) -> dict[str, Any]:
    """Show one domain."""
    return {"domain": _show_domain(_find(name))}


@blueprint.delete("/domains/<name>")
def delete_domain(name: str) -> tuple[str, int]:
    """Remove a domain with its records."""
    with cloud().store.transaction():
        domain = _find(name)
        for record in _records(domain.name):
            cloud().store.remove(record)
        cloud().store.remove(domain)
    return "", 204


@blueprint.get("/domains/<domain>/records")
def list_records(domain: str) -> dict[str, Any]:
    """List a domain's records, all or those of one name (in full) or type."""
    zone = _find(domain).name
    name, kind = request.args.get("name"), request.args.get("type")
    found = [
        record
        for record in _records(zone)
        if (name is None or full_name(record) == name.lower().rstrip("."))
        and (kind is None or record.type == kind)
    ]
    return page("domain_records", [_show(record) for record in found])


@blueprint.post("/domains/<domain>/records")
def create_record(domain: str) -> tuple[dict[str, Any], int]:
    """Add a record."""
    fields = msgspec.structs.asdict(body(_NewRecord))
    record = _checked(Record(domain=_find(domain).name, **fields))
    with cloud().store.transaction():
        _refuse_conflict(record)
        record = cloud().store.add(record)
    return {"domain_record": _show(record)}, 201


@blueprint.get("/domains/<domain>/records/<int:number>")
def get_record(domain: str, number: int) -> dict[str, Any]:
    """Show one record."""
    return {"domain_record": _show(_find_record(domain, number))}


@blueprint.route("/domains/<domain>/records/<int:number>", methods=["PUT", "PATCH"])
def change_record(domain: str, number: int) -> dict[str, Any]:
    """Change the named fields of a record."""
    given = msgspec.structs.asdict(body(_RecordChange))
    with cloud().store.transaction():
        record = _find_record(domain, number)
        fields = {key: value for key, value in given.items() if value is not None}
        record = _checked(msgspec.structs.replace(record, **fields))
        _refuse_conflict(record)
        cloud().store.save(record)
    return {"domain_record": _show(record)}


@blueprint.delete("/domains/<domain>/records/<int:number>")
def delete_record(domain: str, number: int) -> tuple[str, int]:
    """Remove a record."""
    cloud().store.remove(_find_record(domain, number))
    return "", 204


def full_name(record: Record) -> str:
    """Return a record's name with its domain, without the last dot."""
    return record.domain if record.name == "@" else f"{record.name.lower()}.{record.domain}"


def _checked(record: Record) -> Record:
    """Check a record as the API does; returns it in the form that is stored."""
    if record.type not in RECORD_TYPES:
        raise unprocessable(f"Type must be one of {', '.join(RECORD_TYPES)}.")
    suffix = f".{record.domain}."
    if record.name.lower().endswith(suffix):  # a full name is taken too
        record = msgspec.structs.replace(record, name=record.name[: -len(suffix)])
    elif record.name.lower() in ("", f"{record.domain}."):
        record = msgspec.structs.replace(record, name="@")
    if not _RECORD_NAME.fullmatch(record.name):
        raise unprocessable("Name Only valid hostname characters are allowed.")
    if not record.data:
        raise unprocessable("Data can't be blank")
    if not 30 <= record.ttl <= 2**31 - 1:
        raise unprocessable("TTL must be at least 30 seconds.")
    missing = [field for field in _NEEDS.get(record.type, ()) if getattr(record, field) is None]
    if missing:
        raise unprocessable(f"{missing[0].capitalize()} can't be blank")
    _check_data(record)
    return record


def _check_data(record: Record) -> None:
    try:
        if record.type == "A":
            ipaddress.IPv4Address(record.data)
        elif record.type == "AAAA":
            ipaddress.IPv6Address(record.data)
    except ValueError:
        version = 4 if record.type == "A" else 6
        raise unprocessable(f"IP address did not match IPv{version} format (e.g. 203.0.113.1).") from None
    named = record.type in ("CNAME", "MX", "NS", "SRV")
    if named and record.data != "@" and not (_HOST.fullmatch(record.data) and record.data.endswith(".")):
        raise unprocessable("Data needs to end with a dot (.)")


def _refuse_conflict(record: Record) -> None:
    """A name with a CNAME has nothing else, as DNS demands."""
    others = [other for other in _records(record.domain) if other.id != record.id]
    same = [other for other in others if full_name(other) == full_name(record)]
    if any("CNAME" in (record.type, other.type) for other in same):
        raise unprocessable("CNAME records cannot share a name with other records")


def _records(domain: str) -> list[Record]:
    return cloud().store.find(Record, lambda record: record.domain == domain)


def _find(name: str) -> Domain:
    found = cloud().store.find(Domain, lambda domain: domain.name == name.lower().rstrip("."))
    if not found:
        raise not_found()
    return found[0]


def _find_record(domain: str, number: int) -> Record:
    record = cloud().store.get(Record, number)
    if record is None or record.domain != _find(domain).name:
        raise not_found()
    return record


def _show(record: Record) -> dict[str, Any]:
    fields = msgspec.structs.asdict(record)
    del fields["domain"]
    return fields


def _show_domain(domain: Domain) -> dict[str, Any]:
    records = [f"{full_name(r)}. {r.ttl} IN {r.type} {r.data}" for r in _records(domain.name)]
    return {
        "name": domain.name,
        "ttl": domain.ttl,
        "zone_file": "\n".join([f"$ORIGIN {domain.name}.", *records, ""]),
    }
