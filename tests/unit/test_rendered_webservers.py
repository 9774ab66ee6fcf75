"""Each web server with the configuration of a node: what all answer, pass on and keep to themselves alike."""

from __future__ import annotations

import json
import re
import socket
import ssl

import pytest

from tests.support.edge import Edge

pytestmark = pytest.mark.parametrize("webserver", ["nginx", "apache"])

REQUEST_ID = {"nginx": "[0-9a-f]{32}", "apache": "[0-9A-Za-z@_-]{27}"}


def test_the_site_answers_over_https_with_its_security_headers(edge: Edge, webserver: str) -> None:
    answer = edge.secure("GET", "/health")
    assert (answer.status, answer.read()) == (200, b"ok")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Server"] == {"nginx": "nginx", "apache": "Apache"}[webserver]
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


def test_what_a_client_claims_about_itself_is_replaced(edge: Edge, webserver: str) -> None:
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
    assert re.fullmatch(REQUEST_ID[webserver], seen["x-request-id"])
    assert seen["connection"] == "close"


def test_no_client_has_it_left_out_whose_request_it_is(edge: Edge, webserver: str) -> None:
    listed = "close, X-Forwarded-For, X-Real-IP, X-Forwarded-Proto, X-Request-ID, Host"
    edge.secure("GET", "/health", headers={"Connection": listed}).read()
    (seen,) = edge.seen
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["host"] == "tasks.demo.test"
    assert re.fullmatch(REQUEST_ID[webserver], seen["x-request-id"])


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
