"""The instance's zones as DNS sees them: from records of the API to the answer of one question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .model import Record

_NEGATIVE_TTL = 5  # a record that is about to be made must not stay unknown for long
Sets = dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset]


@dataclass(frozen=True)
class Zones:
    """All zones of an instance.

    Attributes:
        origins: names of the zones.
        sets: record sets by name and type.
        names: every name that exists, those between a record and its zone too.
    """

    origins: tuple[dns.name.Name, ...] = ()
    sets: Mapping[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = field(
        default_factory=dict
    )
    names: frozenset[dns.name.Name] = frozenset()

    @classmethod
    def of(cls, domains: Sequence[str], records: Sequence[Record], hosts: Mapping[str, str]) -> Zones:
        """Build the zones.

        Args:
            domains: the account's domains.
            records: their records.
            hosts: further names with one IPv4 address each, each a zone of its own.
        """
        origins = [dns.name.from_text(name) for name in (*domains, *hosts)]
        sets: Sets = {}
        for record in records:
            _add(sets, record)
        for name, address in hosts.items():
            _add(sets, Record(domain=name, type="A", name="@", data=address, ttl=60))
        names = {name for owner, _ in sets for name in _up_to_origin(owner, origins)}
        return cls(tuple(origins), sets, frozenset(names).union(origins))

    def origin(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the closest zone that a name is in, or None for a name that is not ours."""
        ours = [origin for origin in self.origins if name.is_subdomain(origin)]
        return max(ours, key=len, default=None)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer a question about one of our names, following CNAMEs inside our zones."""
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        question = query.question[0]
        name = question.name
        passed: set[dns.name.Name] = set()
        while name not in passed:
            passed.add(name)
            found = self._lookup(name, question.rdtype)
            response.answer += found
            if not found or found[0].rdtype != dns.rdatatype.CNAME or question.rdtype == dns.rdatatype.CNAME:
                break
            name = found[0][0].target
        if not response.answer or response.answer[-1].rdtype == dns.rdatatype.CNAME != question.rdtype:
            self._deny(response, name)
        return response

    def delegated(self, name: dns.name.Name) -> list[str]:
        """Return the IPv4 addresses of the name servers of ours that a name within our zones is delegated to."""
        origin = self.origin(name)
        while origin is not None and name != origin:
            if servers := self.sets.get((name, dns.rdatatype.NS)):
                found = (self.sets.get((server.target, dns.rdatatype.A)) for server in servers)
                return [address.address for addresses in found if addresses for address in addresses]
            name = name.parent()
        return []

    def _lookup(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
        source = self._source(name)
        if source is None:
            return []
        if kind == dns.rdatatype.ANY:
            return [_renamed(rrset, name) for (owner, _), rrset in self.sets.items() if owner == source]
        found = self.sets.get((source, kind)) or self.sets.get((source, dns.rdatatype.CNAME))
        return [_renamed(found, name)] if found else []

    def _source(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the owner whose records answer for a name: itself, or the wildcard of its closest encloser."""
        if name in self.names:
            return name
        origin = self.origin(name)
        while origin is not None and name != origin:
            name = name.parent()
            wildcard = dns.name.Name((b"*", *name.labels))
            if wildcard in self.names:
                return wildcard
            if name in self.names:  # the closest encloser; a wildcard further up does not reach past it
                return None
        return None

    def _deny(self, response: dns.message.Message, name: dns.name.Name) -> None:
        """Say that there is nothing: NXDOMAIN for an unknown name, NODATA for a known one; both with the SOA."""
        origin = self.origin(name)
        if origin is None:
            return  # a CNAME out of our zones: the server asks on
        if self._source(name) is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns1.digitalocean.com. hostmaster.{origin} 1 10800 3600 604800 {_NEGATIVE_TTL}"
        response.authority.append(dns.rrset.from_text(origin, _NEGATIVE_TTL, "IN", "SOA", soa))


def _add(sets: Sets, record: Record) -> None:
    origin = dns.name.from_text(record.domain)
    owner = origin if record.name == "@" else dns.name.from_text(record.name, origin)
    kind = dns.rdatatype.from_text(record.type)
    rrset = sets.setdefault((owner, kind), dns.rrset.RRset(owner, dns.rdataclass.IN, kind))
    rrset.add(
        dns.rdata.from_text(dns.rdataclass.IN, kind, _presentation(record), origin, relativize=False),
        record.ttl,
    )


def _presentation(record: Record) -> str:
    """Write a record's data as a zone file has it."""
    data = record.data
    if record.type == "TXT":
        return " ".join(f'"{part}"' for part in _chunks(data))
    if record.type == "CAA":
        return f'{record.flags} {record.tag} "{data}"'
    if record.type == "MX":
        return f"{record.priority} {data}"
    if record.type == "SRV":
        return f"{record.priority} {record.weight} {record.port} {data}"
    return data


def _chunks(text: str) -> Iterator[str]:
    """Split a text into DNS strings of at most 255 bytes, each escaped."""
    data = text.encode()
    for start in range(0, len(data) or 1, 255):
        part = data[start : start + 255]
        yield "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}" for byte in part
        )


def _renamed(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    """Return the set under the name that was asked for, as a wildcard's answer has it."""
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))


def _up_to_origin(name: dns.name.Name, origins: Sequence[dns.name.Name]) -> Iterator[dns.name.Name]:
    while any(name.is_subdomain(origin) for origin in origins):
        yield name
        name = name.parent()
