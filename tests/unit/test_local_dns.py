"""The local cloud's DNS: what its zones answer, and what it asks of others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from provision.cloud.local import nameserver
from provision.cloud.local.model import Record
from provision.cloud.local.nameserver import NameServer
from provision.cloud.local.zone import Zones


def record(kind: str, name: str, data: str, **fields: Any) -> Record:
    return Record(domain="demo.test", type=kind, name=name, data=data, **fields)


RECORDS = [
    record("NS", "@", "ns1.digitalocean.com."),
    record("A", "@", "10.0.0.1", ttl=60),
    record("A", "www", "10.0.0.2"),
    record("A", "www", "10.0.0.3"),
    record("AAAA", "www", "fd00::2"),
    record("CNAME", "alias", "www.demo.test."),
    record("CNAME", "second", "alias.demo.test."),
    record("CNAME", "loop", "loop.demo.test."),
    record("CNAME", "dangling", "nothing.demo.test."),
    record("CNAME", "away", "www.elsewhere.example."),
    record("A", "*.wild", "10.0.0.4"),
    record("A", "deep.wild", "10.0.0.5"),
    record("TXT", "@", 'quote " backslash \\ ü ' + "x" * 300),
    record("MX", "@", "mail.demo.test.", priority=10),
    record("SRV", "_sip._tcp", "www.demo.test.", priority=1, weight=2, port=5060),
    record("CAA", "@", "letsencrypt.org", flags=0, tag="issue"),
    record("A", "a.b.c", "10.0.0.6"),
]
RECORDS += [
    record("NS", "_acme-challenge.hub", "hub.demo.test."),
    record("A", "hub", "10.0.0.7"),
    record("A", "*.hub", "10.0.0.7"),
]
ZONES = Zones.of(["demo.test"], RECORDS, {"acme.local-cloud": "10.0.0.9"})


def ask(name: str, kind: str = "A") -> dns.message.Message:
    return ZONES.answer(dns.message.make_query(name, kind))


def data(response: dns.message.Message) -> list[str]:
    return sorted(str(item) for rrset in response.answer for item in rrset)


class TestZone:
    @pytest.mark.parametrize(
        ("name", "kind", "expected"),
        [
            ("demo.test", "A", ["10.0.0.1"]),
            ("WWW.Demo.Test", "A", ["10.0.0.2", "10.0.0.3"]),
            ("www.demo.test", "AAAA", ["fd00::2"]),
            ("alias.demo.test", "CNAME", ["www.demo.test."]),
            ("alias.demo.test", "A", ["10.0.0.2", "10.0.0.3", "www.demo.test."]),
            ("second.demo.test", "AAAA", ["alias.demo.test.", "fd00::2", "www.demo.test."]),
            ("any.wild.demo.test", "A", ["10.0.0.4"]),
            ("more.any.wild.demo.test", "A", ["10.0.0.4"]),
            ("deep.wild.demo.test", "A", ["10.0.0.5"]),
            ("demo.test", "MX", ["10 mail.demo.test."]),
            ("_sip._tcp.demo.test", "SRV", ["1 2 5060 www.demo.test."]),
            ("demo.test", "CAA", ['0 issue "letsencrypt.org"']),
            ("demo.test", "NS", ["ns1.digitalocean.com."]),
            ("acme.local-cloud", "A", ["10.0.0.9"]),
        ],
    )
    def test_a_known_name_is_answered(self, name: str, kind: str, expected: list[str]) -> None:
        response = ask(name, kind)
        assert data(response) == expected
        assert response.rcode() == dns.rcode.NOERROR
        assert response.flags & dns.flags.AA

    def test_the_answer_has_the_name_and_ttl_that_were_asked_for(self) -> None:
        (rrset,) = ask("any.wild.demo.test").answer
        assert str(rrset.name) == "any.wild.demo.test."
        assert ask("demo.test").answer[0].ttl == 60

    def test_a_text_arrives_byte_for_byte(self) -> None:
        (rrset,) = ask("demo.test", "TXT").answer
        assert b"".join(rrset[0].strings).decode() == 'quote " backslash \\ ü ' + "x" * 300

    @pytest.mark.parametrize(
        "name", ["nothing.demo.test", "x.www.demo.test", "x.deep.wild.demo.test", "b.demo.test"]
    )
    def test_an_unknown_name_is_nxdomain_with_the_soa(self, name: str) -> None:
        response = ask(name)
        assert response.rcode() == dns.rcode.NXDOMAIN
        assert response.answer == []
        assert "SOA" in str(response.authority[0])

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("www.demo.test", "MX"), ("wild.demo.test", "A"), ("b.c.demo.test", "A"), ("c.demo.test", "A")],
    )
    def test_a_name_without_such_records_is_no_data(self, name: str, kind: str) -> None:
        response = ask(name, kind)
        assert response.rcode() == dns.rcode.NOERROR
        assert response.answer == []
        assert "SOA" in str(response.authority[0])

    def test_a_chain_to_an_unknown_name_is_nxdomain(self) -> None:
        response = ask("dangling.demo.test")
        assert data(response) == ["nothing.demo.test."]
        assert response.rcode() == dns.rcode.NXDOMAIN

    def test_a_chain_in_a_circle_ends(self) -> None:
        assert data(ask("loop.demo.test")) == ["loop.demo.test."]

    def test_an_unsupported_type_of_a_known_name_is_no_data(self) -> None:
        assert ask("www.demo.test", "HTTPS").rcode() == dns.rcode.NOERROR

    def test_the_closest_of_nested_zones_answers(self) -> None:
        inner = Record(domain="sub.demo.test", type="A", name="@", data="10.0.0.7")
        zones = Zones.of(["demo.test", "sub.demo.test"], [*RECORDS, inner], {})
        assert data(zones.answer(dns.message.make_query("sub.demo.test", "A"))) == ["10.0.0.7"]


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands for the host's resolver; returns the names that it was asked for."""
    asked: list[str] = []

    def answer(query: dns.message.Message, server: str, *, tcp: bool) -> dns.message.Message:
        asked.append(f"{query.question[0].name} at {server}")
        if server == "192.0.2.1":
            raise TimeoutError
        response = dns.message.make_response(query)
        name = str(query.question[0].name)
        response.answer.append(dns.rrset.from_text(name, 5, "IN", "A", "192.0.2.80"))
        return response

    monkeypatch.setattr(nameserver, "_ask", answer)
    return asked


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NameServer]:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    running = NameServer(lambda: ZONES, "127.0.0.1", 0, tmp_path / "resolv.conf")
    running.start()
    yield running
    running.close()


class TestServer:
    @pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
    def test_it_answers_over_udp_and_tcp(self, server: NameServer, over: Any) -> None:
        response = over(
            dns.message.make_query("www.demo.test", "A"), "127.0.0.1", port=server.port, timeout=10
        )
        assert data(response) == ["10.0.0.2", "10.0.0.3"]

    def test_several_questions_fit_one_tcp_connection(self, server: NameServer) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            for name in ("www.demo.test", "demo.test"):
                query = dns.message.make_query(name, "A")
                dns.query.send_tcp(connection, query)
                response, _ = dns.query.receive_tcp(connection)
                assert query.is_response(response)

    def test_a_large_answer_is_cut_on_udp_and_whole_on_tcp(self, server: NameServer, tmp_path: Path) -> None:
        many = [record("A", "many", f"10.1.{n // 256}.{n % 256}") for n in range(300)]
        large = NameServer(
            lambda: Zones.of(["demo.test"], many, {}), "127.0.0.1", 0, tmp_path / "resolv.conf"
        )
        large.start()
        query = dns.message.make_query("many.demo.test", "A")
        cut = dns.query.udp(query, "127.0.0.1", port=large.port, timeout=10)
        assert cut.flags & dns.flags.TC
        whole, by_tcp = dns.query.udp_with_fallback(query, "127.0.0.1", port=large.port, timeout=10)
        large.close()
        assert by_tcp
        assert len(data(whole)) == 300

    def test_a_name_that_is_delegated_is_asked_of_whom_it_is_delegated_to(
        self, server: NameServer, upstream: list[str]
    ) -> None:
        query = dns.message.make_query("_acme-challenge.hub.demo.test", "A")
        response = dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)
        assert data(response) == ["192.0.2.80"]
        assert upstream == ["_acme-challenge.hub.demo.test. at 10.0.0.7"]
        others = dns.message.make_query("anna.hub.demo.test", "A")
        assert data(dns.query.udp(others, "127.0.0.1", port=server.port, timeout=10)) == ["10.0.0.7"]

    def test_other_names_are_asked_of_the_hosts_resolver(
        self, server: NameServer, upstream: list[str]
    ) -> None:
        query = dns.message.make_query("elsewhere.example", "A")
        response = dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)
        assert data(response) == ["192.0.2.80"]
        assert upstream == ["elsewhere.example. at 192.0.2.53"]

    def test_the_hosts_resolvers_are_read_anew_and_tried_in_turn(
        self, server: NameServer, upstream: list[str], tmp_path: Path
    ) -> None:
        (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
        query = dns.message.make_query("elsewhere.example", "A")
        assert data(dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)) == ["192.0.2.80"]
        assert [line.split()[-1] for line in upstream] == ["192.0.2.1", "192.0.2.2"]

    def test_without_a_resolver_it_says_that_it_cannot(self, server: NameServer, tmp_path: Path) -> None:
        (tmp_path / "resolv.conf").write_text("")
        query = dns.message.make_query("elsewhere.example", "A")
        assert dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10).rcode() == dns.rcode.SERVFAIL

    def test_our_own_unknown_names_never_leave_the_house(
        self, server: NameServer, upstream: list[str]
    ) -> None:
        query = dns.message.make_query("nothing.demo.test", "A")
        assert dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10).rcode() == dns.rcode.NXDOMAIN
        assert upstream == []

    def test_a_cname_to_somebody_else_is_completed(self, server: NameServer, upstream: list[str]) -> None:
        query = dns.message.make_query("away.demo.test", "A")
        response = dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)
        assert data(response) == ["192.0.2.80", "www.elsewhere.example."]

    @pytest.mark.parametrize("wire", [b"", b"x", b"\x00" * 11, b"\xff" * 40])
    def test_noise_is_not_answered_and_does_no_harm(self, server: NameServer, wire: bytes) -> None:
        assert server.answer(wire, tcp=False) is None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            noise.sendto(wire, ("127.0.0.1", server.port))
        query = dns.message.make_query("www.demo.test", "A")
        assert data(dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)) != []

    def test_an_answer_is_no_question(self, server: NameServer) -> None:
        response = dns.message.make_response(dns.message.make_query("www.demo.test", "A"))
        assert server.answer(response.to_wire(), tcp=False) is None

    def test_many_ask_at_once(self, server: NameServer) -> None:
        failures: list[BaseException] = []

        def ask_some() -> None:
            try:
                for _ in range(20):
                    query = dns.message.make_query("www.demo.test", "A")
                    dns.query.udp(query, "127.0.0.1", port=server.port, timeout=10)
            except BaseException as error:  # noqa: BLE001 - reported by the test
                failures.append(error)

        threads = [threading.Thread(target=ask_some) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
