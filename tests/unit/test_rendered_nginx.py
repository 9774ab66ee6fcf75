"""nginx with the configuration of a node, asked as the world would ask it."""

from __future__ import annotations

import getpass
import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest

from tests.support.network import open_ports
from tests.support.programs import accepted, program
from tests.support.waiting import eventually


@dataclass
class Edge:
    """A running nginx with the node's configuration."""

    folder: Path
    http: int
    https: int
    seen: list[dict[str, str]]

    def plain(self, host: str, method: str, target: str) -> http.client.HTTPResponse:
        """Ask over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        connection.request(method, target, headers={"Host": host})
        return connection.getresponse()

    def tls(self, name: str) -> ssl.SSLSocket:
        """Connect over TLS for a name."""
        trust = ssl.create_default_context(cafile=str(self.folder / "live/tasks.demo.test/fullchain.pem"))
        return trust.wrap_socket(
            socket.create_connection(("127.0.0.1", self.https), 20), server_hostname=name
        )

    def secure(self, method: str, target: str, **request: Any) -> http.client.HTTPResponse:
        """Ask the site over HTTPS."""
        connection = http.client.HTTPConnection("tasks.demo.test", timeout=20)
        connection.sock = self.tls("tasks.demo.test")
        connection.request(method, target, **request)
        return connection.getresponse()


class _Backend(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def edge(
    node_files: dict[str, str], tmp_path: Path, running: Callable[..., subprocess.Popen[bytes]]
) -> Iterator[Edge]:
    """nginx as on the node, at other ports and paths, before a service that notes what it is asked."""
    found = Edge(tmp_path, _free_port(), _free_port(), [])
    _certificate(tmp_path / "live/tasks.demo.test")
    for name in ("modules-enabled", "conf.d", "acme/.well-known/acme-challenge"):
        (tmp_path / name).mkdir(parents=True)
    for path, text in node_files.items():
        if path.startswith("/etc/nginx/"):
            target = tmp_path / path.removeprefix("/etc/nginx/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_moved(text, found))
    accepted(program("nginx"), "-t", "-q", "-c", tmp_path / "nginx.conf")
    running(program("nginx"), "-c", tmp_path / "nginx.conf", "-g", "daemon off;")
    eventually(lambda: open_ports("127.0.0.1", found.https), pause=0.02)

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "nginx"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            found.seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

    with _Backend(str(tmp_path / "web.sock"), Handler) as backend:
        (tmp_path / "web.sock").chmod(0o777)
        threading.Thread(target=backend.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        backend.shutdown()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _moved(text: str, edge: Edge) -> str:
    """Let a configuration file run as this user, from the test's folder, at the test's ports."""
    mime = Path("/etc/nginx/mime.types")
    places = {
        str(mime): "<mime>",
        "/etc/nginx/": f"{edge.folder}/",
        "/etc/letsencrypt/": f"{edge.folder}/",
        "/var/log/nginx/": f"{edge.folder}/",
        "/var/www/acme": f"{edge.folder}/acme",
        "/run/hub-task_api/": f"{edge.folder}/",
        "/run/nginx.pid": f"{edge.folder}/nginx.pid",
        "user www-data;": f"user {getpass.getuser()};",
        "<mime>": str(mime),
    }
    for place, here in places.items():
        text = text.replace(place, here)
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"listen (80|443)\b", lambda port: _listen(edge, port[1]), text)


def _listen(edge: Edge, port: str) -> str:
    return f"listen 127.0.0.1:{edge.http if port == '80' else edge.https}"


def _certificate(folder: Path) -> None:
    folder.mkdir(parents=True)
    accepted(
        *(
            program("openssl"),
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ),
        *("-subj", "/CN=tasks.demo.test", "-addext", "subjectAltName=DNS:tasks.demo.test", "-days", "2"),
        *("-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"),
    )


def test_the_site_answers_over_https_with_its_security_headers(edge: Edge) -> None:
    answer = edge.secure("GET", "/health")
    assert (answer.status, answer.read()) == (200, b"ok")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Server"] == "nginx"
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
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        edge.tls("other.demo.test")
    with pytest.raises(ConnectionResetError):
        edge.plain("other.demo.test", "GET", "/.well-known/acme-challenge/token")


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
    assert re.fullmatch("[0-9a-f]{32}", seen["x-request-id"])
    assert seen["connection"] == "close"


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
