"""The records of a node: written where they differ, and it is said what they take the place of."""

from provision.actions.dns import TTL, delegate, delegations_of, foreign, records_of, set_records
from provision.cloud.base import DnsRecord, Machine

MACHINE = Machine(7, "box.lab.test", "active", "192.0.2.7", "2001:db8::7", (), "", "", "")


class Zone:
    """A domain that is only remembered."""

    def __init__(self, *records):
        self.kept = list(records)

    def records(self, _):
        return list(self.kept)

    def set(self, _, record, *, replacing=()):
        self.kept = [each for each in self.kept if each not in replacing] + [record]

    def delete(self, _, records):
        self.kept = [each for each in self.kept if each not in records]


def test_names_get_an_address_of_each_kind_once():
    zone = Zone()
    changed = set_records(zone, "lab.test", ["box.lab.test", "lab.test"], MACHINE)
    assert changed == [
        "box.lab.test A 192.0.2.7",
        "box.lab.test AAAA 2001:db8::7",
        "lab.test A 192.0.2.7",
        "lab.test AAAA 2001:db8::7",
    ]
    assert set_records(zone, "lab.test", ["box.lab.test", "lab.test"], MACHINE) == []


def test_what_a_record_takes_the_place_of_is_said():
    zone = Zone(DnsRecord("A", "box", "192.0.2.1", TTL, 1), DnsRecord("A", "box", "192.0.2.2", TTL, 2))
    changed = set_records(zone, "lab.test", ["box.lab.test"], MACHINE)
    assert changed[0] == "box.lab.test A 192.0.2.7 (was 192.0.2.1, 192.0.2.2)"
    assert [record.data for record in zone.kept if record.type == "A"] == ["192.0.2.7"]


def test_an_alias_makes_place_for_addresses_and_is_named_beforehand():
    """No cloud takes an address for a name that is an alias."""
    zone = Zone(
        DnsRecord("CNAME", "box", "www.example.org.", TTL, 1), DnsRecord("CNAME", "shop", "box", TTL, 2)
    )
    assert foreign(zone, "lab.test", ["box.lab.test"], [], {}) == [
        "box.lab.test CNAME www.example.org. is replaced"
    ]
    changed = set_records(zone, "lab.test", ["box.lab.test"], MACHINE)
    assert changed[0] == "box.lab.test CNAME removed (was www.example.org.)"
    assert [(record.type, record.name) for record in zone.kept] == [
        ("CNAME", "shop"),
        ("A", "box"),
        ("AAAA", "box"),
    ]


def test_a_machine_without_ipv6_has_no_record_of_that_kind():
    zone = Zone(DnsRecord("AAAA", "box", "2001:db8::1", TTL, 1))
    only = Machine(7, "box.lab.test", "active", "192.0.2.7", "", (), "", "", "")
    assert set_records(zone, "lab.test", ["box.lab.test"], only) == [
        "box.lab.test A 192.0.2.7",
        "box.lab.test AAAA removed",
    ]


def test_records_are_found_by_address_and_by_name():
    zone = Zone(DnsRecord("A", "box", "192.0.2.7", TTL), DnsRecord("A", "@", "192.0.2.7", TTL))
    assert len(records_of(zone, "lab.test", ["192.0.2.7"])) == 2
    assert [each.name for each in records_of(zone, "lab.test", ["192.0.2.7"], ["lab.test"])] == ["@"]


def test_what_a_node_proves_for_itself_is_delegated_to_it_once_and_found_again():
    challenge = {"_acme-challenge.hub.lab.test": "hub.lab.test"}
    former = DnsRecord("CNAME", "_acme-challenge.hub", "elsewhere.example.", TTL, 1)
    zone = Zone(former, DnsRecord("NS", "@", "ns1.example.", TTL, 2))
    assert foreign(zone, "lab.test", [], [], challenge) == [
        "_acme-challenge.hub.lab.test CNAME elsewhere.example. is replaced"
    ]
    assert delegate(zone, "lab.test", challenge) == ["_acme-challenge.hub.lab.test NS hub.lab.test"]
    assert delegate(zone, "lab.test", challenge) == []
    assert foreign(zone, "lab.test", [], [], challenge) == []
    made = DnsRecord("NS", "_acme-challenge.hub", "hub.lab.test.", TTL)
    assert delegations_of(zone, "lab.test", challenge) == [made]
    assert zone.kept == [DnsRecord("NS", "@", "ns1.example.", TTL, 2), made]
