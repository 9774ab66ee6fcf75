"""The DNS records of a node: its own name, those of its services, and what it answers for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..cloud.base import Dns, DnsRecord, Machine

TTL = 300
KINDS = ("A", "AAAA")
_DELEGATED = ("NS", "CNAME")
_IN_THE_WAY = (*KINDS, "CNAME")  # a name that is an alias has no address of its own


def relative(domain: str, fqdn: str) -> str:
    """Return a full name as the cloud's records name it, `@` for the domain itself."""
    return "@" if fqdn == domain else fqdn.removesuffix(f".{domain}")


def set_records(dns: Dns, domain: str, names: Iterable[str], machine: Machine) -> list[str]:
    """Point full names to a machine; return the ones that changed, as `name kind address`.

    A name whose machine has no IPv6 address loses an AAAA record that pointed elsewhere.
    """
    present = dns.records(domain)
    changed = []
    for fqdn in names:
        name = relative(domain, fqdn)
        if aliases := [record for record in present if (record.type, record.name) == ("CNAME", name)]:
            dns.delete(domain, aliases)
            changed.append(f"{fqdn} CNAME removed (was {', '.join(record.data for record in aliases)})")
        for kind, address in zip(KINDS, (machine.ipv4, machine.ipv6), strict=True):
            mine = [record for record in present if (record.type, record.name) == (kind, name)]
            if address and [(record.data, record.ttl) for record in mine] != [(address, TTL)]:
                dns.set(domain, DnsRecord(kind, name, address, TTL), replacing=mine)
                former = ", ".join(record.data for record in mine if record.data != address)
                changed.append(f"{fqdn} {kind} {address}" + (f" (was {former})" if former else ""))
            elif mine and not address:
                dns.delete(domain, mine)
                changed.append(f"{fqdn} {kind} removed")
    return changed


def delegate(dns: Dns, domain: str, names: Mapping[str, str]) -> list[str]:
    """Have full names answered by name servers of their own; return what changed, as `name NS server`."""
    present, changed = dns.records(domain), []
    for fqdn, server in names.items():
        there = [record for record in _delegations(present, domain, [fqdn]) if record.type in _DELEGATED]
        if [record.data.rstrip(".") for record in there] != [server]:
            if aliases := [record for record in there if record.type == "CNAME"]:
                dns.delete(domain, aliases)
            rest = [record for record in there if record.type == "NS"]
            dns.set(domain, DnsRecord("NS", relative(domain, fqdn), f"{server}.", TTL), replacing=rest)
            changed.append(f"{fqdn} NS {server}")
    return changed


def delegations_of(dns: Dns, domain: str, names: Mapping[str, str]) -> list[DnsRecord]:
    """Return the records by which full names are answered by these name servers."""
    return [
        record
        for record in _delegations(dns.records(domain), domain, names)
        if record.type == "NS" and record.data.rstrip(".") == names[f"{record.name}.{domain}"]
    ]


def _delegations(records: Iterable[DnsRecord], domain: str, names: Iterable[str]) -> list[DnsRecord]:
    wanted = {relative(domain, name) for name in names}
    return [record for record in records if record.name in wanted]


def foreign(
    dns: Dns, domain: str, names: Iterable[str], ours: Iterable[str], delegated: Mapping[str, str]
) -> list[str]:
    """Describe what full names have that is not ours: a machine's addresses, or a delegation, take its place."""
    wanted, own = {relative(domain, name): name for name in names}, set(ours)
    servers = {relative(domain, name): server for name, server in delegated.items()}
    return [
        f"{record.name}.{domain}".removeprefix("@.") + f" {record.type} {record.data} is replaced"
        for record in dns.records(domain)
        if (record.type in _IN_THE_WAY and record.name in wanted and record.data not in own)
        or (
            record.type in _DELEGATED
            and record.data.rstrip(".") != servers.get(record.name, record.data.rstrip("."))
        )
    ]


def records_of(
    dns: Dns, domain: str, addresses: Iterable[str], names: Iterable[str] | None = None
) -> list[DnsRecord]:
    """Return the records of a domain that point to addresses: all, or those of some full names."""
    wanted = set(addresses)
    own = None if names is None else {relative(domain, name) for name in names}
    return [
        record
        for record in dns.records(domain)
        if record.type in KINDS and record.data in wanted and (own is None or record.name in own)
    ]
