"""A web server with the configuration of a node, asked as the world would ask it."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from tests.support.ports import free_port
from tests.support.programs import accepted, program


@dataclass
class Edge:
    """A running web server with the node's configuration."""

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


@contextlib.contextmanager
def backend(edge: Edge) -> Iterator[None]:
    """Have a service behind it that notes what it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "nginx"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            edge.seen.append({name.lower(): value for name, value in self.headers.items()})
            if self.path == "/slow":
                edge.slow.wait(20)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"ok")

    with _Backend(str(edge.folder / "web.sock"), Handler) as server:
        (edge.folder / "web.sock").chmod(0o777)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield
        server.shutdown()


def configured(folder: Path, node_files: Mapping[str, str], **limits: int) -> Edge:
    """Write a node's configuration of nginx into a folder, at other ports and paths.

    Args:
        folder: where it is written.
        node_files: texts by path.
        limits: others than the node's: `requests` a second, `connections`.
    """
    edge = Edge(folder, free_port(), free_port(), [])
    _certificate(folder / "live/tasks.demo.test")
    for name in ("modules-enabled", "conf.d", "acme/.well-known/acme-challenge"):
        (folder / name).mkdir(parents=True)
    # Lets a test come from any address.
    (folder / "conf.d/client.conf").write_text("set_real_ip_from 127.0.0.1; real_ip_header X-Test-Client;\n")
    for path, text in node_files.items():
        if path.startswith("/etc/nginx/"):
            target = folder / path.removeprefix("/etc/nginx/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_moved(_limited(text, **limits), edge))
    accepted(program("nginx"), "-t", "-q", "-c", folder / "nginx.conf")
    return edge


def configured_apache(folder: Path, node_files: Mapping[str, str]) -> Edge:
    """Do the same for Apache, whose folder its user must be able to enter.

    Args:
        folder: where it is written.
        node_files: texts by path.
    """
    edge = Edge(folder, free_port(), free_port(), [])
    _certificate(folder / "live/tasks.demo.test")
    for name in ("conf.d", "sites-enabled", "acme/.well-known/acme-challenge"):
        (folder / name).mkdir(parents=True)
    for path, text in node_files.items():
        if path.startswith("/etc/apache2/"):
            target = folder / path.removeprefix("/etc/apache2/")
            target.write_text(_moved_apache(text, edge))
    # As the node does; see `provision/steps/apache.py`.
    key, unknown = folder / "hubctl-unknown.key", folder / "hubctl-unknown.pem"
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    accepted(program("openssl"), "genpkey", *curve, "-out", key)
    accepted(
        program("openssl"),
        "req",
        "-x509",
        "-new",
        "-key",
        key,
        "-subj",
        "/CN=unknown.invalid",
        "-out",
        unknown,
    )
    accepted(program("apache2"), "-t", "-f", folder / "apache2.conf")
    return edge


def _moved_apache(text: str, edge: Edge) -> str:
    places = {
        "ServerRoot /etc/apache2": f"ServerRoot {edge.folder}",
        "/etc/apache2/": f"{edge.folder}/",
        "/etc/letsencrypt/": f"{edge.folder}/",
        "/var/log/apache2/": f"{edge.folder}/",
        "/var/www/acme": f"{edge.folder}/acme",
        "/run/hub-task_api/": f"{edge.folder}/",
        "/run/apache2": str(edge.folder),
        "Listen 80": f"Listen 127.0.0.1:{edge.http}",
        "Listen 443": f"Listen 127.0.0.1:{edge.https}",
        "<VirtualHost *:80>": f"<VirtualHost *:{edge.http}>",
        "<VirtualHost *:443>": f"<VirtualHost *:{edge.https}>",
    }
    for place, here in places.items():
        text = text.replace(place, here)
    # Root's children are www-data; another user's are its own.
    return text if os.geteuid() == 0 else re.sub(r"^(User|Group) .*\n", "", text, flags=re.MULTILINE)


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
