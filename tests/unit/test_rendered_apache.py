"""Apache with the configuration of a node: what it answers, passes on and keeps to itself."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl

import pytest

from tests.support.edge import Edge
from tests.support.waiting import eventually

pytestmark = pytest.mark.parametrize("webserver", ["apache"])


def test_the_site_answers_over_https_with_its_security_headers(edge: Edge) -> None:
    answer = edge.secure("GET", "/health")
    assert (answer.status, answer.read()) == (200, b"ok")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Server"] == "Apache"
    assert answer.headers["Upgrade"] is None
    assert edge.tls("tasks.demo.test").version() == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(edge: Edge) -> None:
    context = ssl._create_unverified_context()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
        context.wrap_socket(
            socket.create_connection(("127.0.0.1", edge.https), 20), server_hostname="tasks.demo.test"
        )


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


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_plain_http_moves_to_https_and_keeps_method_and_query(edge: Edge, method: str) -> None:
    answer = edge.plain("tasks.demo.test", method, "/task?a=1&b=%2F")
    assert answer.status == 308
    assert answer.headers["Location"] == "https://tasks.demo.test/task?a=1&b=%2F"
    assert edge.seen == []


def test_challenges_are_answered_over_plain_http_from_the_webroot_alone(edge: Edge) -> None:
    (edge.folder / "acme/.well-known/acme-challenge/token").write_text("proof")
    (edge.folder / "acme/secret").write_text("not yours")
    assert edge.plain("tasks.demo.test", "GET", "/.well-known/acme-challenge/token").read() == b"proof"
    for target in ("/.well-known/acme-challenge/none", "/.well-known/acme-challenge/"):
        assert edge.plain("tasks.demo.test", "GET", target).status == 404
    answer = edge.plain("tasks.demo.test", "GET", "/.well-known/acme-challenge/../../secret")
    assert answer.status == 308


def test_what_a_client_claims_about_itself_is_replaced(edge: Edge) -> None:
    forged = {
        "X-Forwarded-For": "10.9.9.9",
        "X-Real-IP": "10.9.9.9",
        "X-Forwarded-Proto": "ftp",
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "for=10.9.9.9",
        "X-Request-ID": "mine",
    }
    edge.secure("GET", "/health", headers=forged).read()
    (seen,) = edge.seen
    assert seen["host"] == "tasks.demo.test"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == "tasks.demo.test"
    assert "forwarded" not in seen
    assert re.fullmatch("[0-9A-Za-z@_-]{20,}", seen["x-request-id"])
    assert seen["connection"] == "close"


def test_no_client_has_it_left_out_whose_request_it_is(edge: Edge) -> None:
    listed = "close, X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, X-Request-ID, Host"
    edge.secure("GET", "/health", headers={"Connection": listed}).read()
    (seen,) = edge.seen
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert (seen["host"], len(seen["x-request-id"])) == ("tasks.demo.test", 27)


def test_a_body_that_is_too_large_is_refused_as_json(edge: Edge) -> None:
    answer = edge.secure("GET", "/task", headers={"Content-Length": "2000001"})
    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.read()) == {
        "status": "Error",
        "message": "the request is larger than 2000000 bytes",
    }
    assert edge.seen == []


def test_a_service_that_is_away_is_said_as_json(edge: Edge) -> None:
    (edge.folder / "web.sock").unlink()
    answer = edge.secure("GET", "/health")
    assert answer.status == 503
    assert json.loads(answer.read())["message"] == "the service does not answer: try again"
    assert answer.headers["Strict-Transport-Security"]


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


def test_web_pages_can_read_what_the_web_server_answers_itself(edge: Edge) -> None:
    page = {"Origin": "https://lab.example"}
    answers = [edge.secure("GET", "/task", headers={"Content-Length": "2000001", **page})]
    assert edge.secure("GET", "/health", headers=page).headers["Access-Control-Allow-Origin"] is None
    (edge.folder / "web.sock").unlink()
    answers.append(edge.secure("GET", "/health", headers=page))
    assert [answer.status for answer in answers] == [413, 503]
    assert [answer.headers["Access-Control-Allow-Origin"] for answer in answers] == ["*", "*"]


@pytest.mark.parametrize("origins", [("https://lab.example", "https://other.example:8443")])
def test_only_pages_of_the_origins_of_the_inventory_can(edge: Edge, origins: tuple[str, ...]) -> None:
    (edge.folder / "web.sock").unlink()

    def readers(origin: str) -> str | None:
        return edge.secure("GET", "/", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"]

    assert [readers(origin) for origin in origins] == list(origins)
    assert [readers(origin) for origin in ("https://evil.example", "", "*")] == [None] * 3


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
