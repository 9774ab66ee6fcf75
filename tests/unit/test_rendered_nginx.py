"""nginx with the configuration of a node, asked as the world would ask it."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
    slow: threading.Event = field(default_factory=threading.Event)

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

    def raw(self, request: bytes) -> tuple[int, str, dict[str, str]]:
        """Send bytes over TLS; return status, content type and decoded body."""
        with self.tls("tasks.demo.test") as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


class _Backend(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def limits() -> dict[str, int]:
    """Other limits than the node's: requests a second, connections."""
    return {}


@pytest.fixture
def edge(
    node_files: dict[str, str],
    limits: dict[str, int],
    tmp_path: Path,
    running: Callable[..., subprocess.Popen[bytes]],
) -> Iterator[Edge]:
    """nginx as on the node, at other ports and paths, before a service that notes what it is asked."""
    found = Edge(tmp_path, _free_port(), _free_port(), [])
    _certificate(tmp_path / "live/tasks.demo.test")
    for name in ("modules-enabled", "conf.d", "acme/.well-known/acme-challenge"):
        (tmp_path / name).mkdir(parents=True)
    # Lets a test come from any address.
    (tmp_path / "conf.d/client.conf").write_text(
        "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Client;\n"
    )
    for path, text in node_files.items():
        if path.startswith("/etc/nginx/"):
            target = tmp_path / path.removeprefix("/etc/nginx/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_moved(_limited(text, **limits), found))
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
            if self.path == "/slow":
                found.slow.wait(20)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
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
        "worker_processes auto;": "worker_processes 1;",  # as on the smallest node
        "<mime>": str(mime),
    }
    for place, here in places.items():
        text = text.replace(place, here)
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"listen (80|443)\b", lambda port: _listen(edge, port[1]), text)


def _limited(text: str, requests: int = 200, connections: int = 250) -> str:
    text = re.sub(r"rate=\d+r/s", f"rate={requests}r/s", text)
    text = re.sub(r"burst=\d+", f"burst={5 * requests}", text)
    return re.sub(r"(limit_conn \S+) \d+", rf"\1 {connections}", text)


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


@pytest.mark.parametrize("header", [b"", b"Host: other.demo.test\r\n"])
def test_a_request_for_another_name_than_the_handshakes_gets_no_answer(edge: Edge, header: bytes) -> None:
    with edge.tls("tasks.demo.test") as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + header + b"\r\n")
        assert connection.recv(1) == b""
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


def _asked(edge: Edge, client: str, times: int) -> Counter[int]:
    """Ask on one connection, as often, from an address; return the answers' statuses."""
    connection = http.client.HTTPConnection("tasks.demo.test", timeout=20)
    connection.sock = edge.tls("tasks.demo.test")
    statuses = Counter[int]()
    for _ in range(times):
        connection.request("GET", "/health", headers={"X-Test-Client": client})
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
        if answer.status == 429:
            assert answer.headers["Content-Type"] == "application/json"
            assert int(answer.headers["Retry-After"]) > 0
        else:
            assert answer.headers["Retry-After"] is None
    return statuses


@pytest.mark.parametrize("limits", [{"requests": 1}])
def test_a_client_that_asks_too_often_is_told_when_to_come_again_and_others_are_answered(edge: Edge) -> None:
    first = _asked(edge, "192.0.2.1", 40)
    assert first[200] >= 6
    assert first[429] > 0
    assert _asked(edge, "192.0.2.2", 5) == {200: 5}


@pytest.mark.parametrize("limits", [{"requests": 1}])
def test_the_addresses_of_one_customer_are_one_client(edge: Edge) -> None:
    assert _asked(edge, "2001:db8:0:a::1", 40)[429] > 0
    assert _asked(edge, "2001:db8:0:a:ffff::2", 5)[429] > 0
    assert _asked(edge, "2001:db8:0:b::1", 5) == {200: 5}


@pytest.mark.parametrize("limits", [{"connections": 2}])
def test_a_client_has_so_many_requests_under_way_and_no_more(edge: Edge) -> None:
    waiting = [edge.tls("tasks.demo.test") for _ in range(2)]
    for connection in waiting:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n")
    eventually(lambda: len(edge.seen) == 2, pause=0.02)
    answer = edge.secure("GET", "/health")
    assert (answer.status, json.loads(answer.read())["status"]) == (429, "Error")
    edge.slow.set()
    for connection in waiting:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


HELD = 5_000


@pytest.fixture
def files() -> Iterator[None]:
    """Let this process open as many files as a test holds connections."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, HELD + 1_000), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.mark.usefixtures("files")
def test_thousands_of_requests_that_never_end_leave_room_for_others(edge: Edge) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(HELD):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", edge.http), 20))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: tasks")
        for _ in range(20):
            assert edge.secure("GET", "/health").status == 200
    assert "worker_connections" not in (edge.folder / "error.log").read_text()


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
