"""Apache with the configuration of a node: what is its own way; see `test_rendered_webservers.py` for the rest."""

from __future__ import annotations

import os
import signal
import ssl

import pytest

from tests.support.edge import Edge
from tests.support.waiting import eventually

pytestmark = pytest.mark.parametrize("webserver", ["apache"])


def test_a_name_that_is_not_served_learns_nothing(edge: Edge) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        edge.tls("other.demo.test")
    answer = edge.plain("other.demo.test", "GET", "/.well-known/acme-challenge/token")
    assert (answer.status, answer.read()) == (421, b".")


@pytest.mark.parametrize(("header", "status"), [(b"", b"400"), (b"Host: other.demo.test\r\n", b"421")])
def test_a_request_for_another_name_than_the_handshakes_is_refused(
    edge: Edge, header: bytes, status: bytes
) -> None:
    with edge.tls("tasks.demo.test") as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + header + b"\r\n")
        assert connection.recv(12) == b"HTTP/1.1 " + status
    assert edge.seen == []


LONG = 10_000  # too long for Apache, and within a TLS record: what it left unread would reset the line


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /status/%00 HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n", 404),
        (b"nonsense\r\n\r\n", 400),
        (b"TRACE /health HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n", 405),
        (b"GET /%s HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n" % (b"a" * LONG), 414),
        (b"GET / HTTP/1.1\r\nHost: tasks.demo.test\r\nX-A: %s\r\n\r\n" % (b"a" * LONG), 400),
        (b"POST /task HTTP/1.1\r\nHost: tasks.demo.test\r\nTransfer-Encoding: what\r\n\r\n", 400),
    ],
)
def test_whatever_the_web_server_refuses_is_said_as_json(edge: Edge, request_: bytes, status: int) -> None:
    found, kind, answer = edge.raw(request_)
    assert (found, kind) == (status, "application/json")
    assert (answer["status"], set(answer)) == ("Error", {"status", "message"})
    assert edge.seen == []


def test_each_request_is_one_line_in_the_log(edge: Edge) -> None:
    edge.secure("GET", '/health?q="quoted"', headers={"User-Agent": 'a "b" \\'}).read()
    log = edge.folder / "access.log"
    (line,) = eventually(lambda: log.read_text().splitlines())
    assert line.startswith("tasks.demo.test 127.0.0.1 ")
    assert r'"GET /health?q=\"quoted\" HTTP/1.1" 200' in line


def test_no_request_fails_while_it_reads_its_configuration_again(edge: Edge) -> None:
    server = int(eventually((edge.folder / "apache2.pid").read_text))
    for number in range(60):
        if number % 20 == 10:
            os.kill(server, signal.SIGUSR1)
        assert edge.secure("GET", "/health").status == 200
