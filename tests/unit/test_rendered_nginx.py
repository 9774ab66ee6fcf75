"""nginx with the configuration of a node: what is its own way; see `test_rendered_webservers.py` for the rest."""

from __future__ import annotations

import json
import ssl
from typing import Any

import pytest

from tests.support.edge import Edge
from tests.support.waiting import eventually


def test_a_name_that_is_not_served_learns_nothing(edge: Edge) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        edge.tls("other.demo.test")
    with pytest.raises(ConnectionResetError):
        edge.plain("other.demo.test", "GET", "/.well-known/acme-challenge/token")


@pytest.mark.parametrize("header", [b"", b"Host: other.demo.test\r\n"])
def test_a_request_for_another_name_than_the_handshakes_gets_no_answer(edge: Edge, header: bytes) -> None:
    with edge.tls("tasks.demo.test") as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + header + b"\r\n")
        assert connection.recv(1) == b""
    assert edge.seen == []


LONG = 10_000  # too long for nginx, and within a TLS record: what it left unread would reset the line


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /status/%00 HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"TRACE /health HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n", 405),
        (b"GET /%s HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n" % (b"a" * LONG), 414),
        (b"GET / HTTP/1.1\r\nHost: tasks.demo.test\r\nX-A: %s\r\n\r\n" % (b"a" * LONG), 431),
        (b"POST /task HTTP/1.1\r\nHost: tasks.demo.test\r\nTransfer-Encoding: what\r\n\r\n", 501),
        (b"GET /.problem/500 HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n", 404),
    ],
)
def test_whatever_the_web_server_refuses_is_said_as_json(edge: Edge, request_: bytes, status: int) -> None:
    found, kind, answer = edge.raw(request_)
    assert (found, kind) == (status, "application/json")
    assert (answer["status"], set(answer)) == ("Error", {"status", "message"})
    assert edge.seen == []


def test_each_request_is_one_json_line_in_the_log(edge: Edge) -> None:
    edge.secure("GET", '/health?q="quoted"\\', headers={"User-Agent": 'a "b" \\ é'.encode("latin-1")}).read()
    log = edge.folder / "access.log"

    def entry() -> dict[str, Any]:
        lines = log.read_text(errors="replace").splitlines()
        if not lines:
            raise OSError
        return dict(json.loads(lines[-1]))

    written = eventually(entry)
    assert (written["status"], written["method"], written["host"]) == (200, "GET", "tasks.demo.test")
    assert "/health?q=" in written["uri"]
