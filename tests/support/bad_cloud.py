"""A proxy in front of a cloud that misbehaves at the n-th call, in a way that has a name."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the cloud behind answers."""

    status: int
    body: bytes


Cloud = Callable[[Request], Answer]
"""The cloud behind the proxy."""


def at(endpoint: str, token: str) -> Cloud:
    """Return the cloud at an endpoint."""
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    lock = threading.Lock()

    def ask(request: Request) -> Answer:
        with lock:
            url = endpoint.rstrip("/").removesuffix("/v2") + request.path
            answer = session.request(request.method, url, data=request.body or None, timeout=60)
        return Answer(answer.status_code, answer.content)

    return ask


_JSON = "application/json"
_REFUSED = {
    "429": (429, {}),
    "429, in no time": (429, {"retry-after": "0"}),
    "429, in an hour": (429, {"retry-after": "3600"}),
    "429, in a century": (429, {"retry-after": "Wed, 21 Oct 2126 07:28:00 GMT"}),
    "429, long ago": (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "429, never": (429, {"retry-after": "-1"}),
    "429, nonsense": (429, {"retry-after": "9" * 5000}),
    "500": (500, {}),
    "503": (503, {"retry-after": "0"}),
}
"""Errors before anything was done."""
_SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda _: b"\xff\x00\x9d garbage",
    "a page": lambda _: b"<html><body>We will be back soon.</body></html>",
    "{}": lambda _: b"{}",
    "nothing in it": lambda _: b"",
    "wrong types": lambda body: json.dumps(_mistyped(json.loads(body or b"{}"))).encode(),
    "a list": lambda _: b"[]",
    "deep": lambda _: b"[" * 100_000,
    "endless": lambda _: b" " * (9 << 20),
}
"""What becomes of the answer to something that was done."""
_SILENT = (
    "reset",
    "no answer",
    "reset when done",
    "no answer when done",
    "half",
    "too late",
    "failed when done",
)
WAYS = (*_REFUSED, *_SPOILED, *_SILENT)


def _mistyped(value: object) -> object:
    """Return the same tree with every leaf of another type."""
    if isinstance(value, dict):
        return {key: _mistyped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_mistyped(each) for each in value]
    return [] if isinstance(value, str) else "x"


@dataclass
class Proxy:
    """The proxy.

    Attributes:
        url: its endpoint.
        calls: what came in.
        bad: tells in which way the n-th call, from 0, goes wrong; empty for none.
        late: seconds that an answer takes that comes too late.
    """

    cloud: Cloud
    late: float
    url: str = ""
    calls: list[str] = field(default_factory=list)
    bad: Callable[[int], str] = lambda _: ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def in_front_of(cloud: Cloud, late: float) -> Iterator[Proxy]:
    """Run a proxy for the time of a `with` block."""
    proxy = Proxy(cloud, late)

    class Handler(_Handler):
        pass

    Handler.proxy = proxy
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}/v2/"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    proxy: Proxy

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        proxy = self.proxy
        with proxy.lock:
            number = len(proxy.calls)
            proxy.calls.append(f"{self.command} {self.path}")
        way = proxy.bad(number)
        if way in _REFUSED:
            status, headers = _REFUSED[way]
            self._say(status, b'{"id": "no", "message": "not today"}', headers)
            return
        if way in ("reset", "no answer"):
            self._end(reset=way == "reset")
            return
        answer = proxy.cloud(Request(self.command, self.path, body))
        if way in ("reset when done", "no answer when done"):
            self._end(reset="reset" in way)
        elif way == "failed when done":
            self._say(502, b"<html>bad gateway</html>", {})
        elif way == "half":
            self._say(answer.status, answer.body[: len(answer.body) // 2], {}, length=len(answer.body) + 9)
            self._end(reset=False)
        elif way == "too late":
            threading.Event().wait(proxy.late)
            self._end(reset=False)
        else:
            self._say(answer.status, _SPOILED.get(way, lambda same: same)(answer.body), {})

    def _say(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for key, value in {"content-type": _JSON, **headers}.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _end(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # the other end, or this one, has hung up
            super().handle()

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *_: object) -> None:
        """Say nothing."""
