"""Asking a service over HTTP how it is."""

from __future__ import annotations

import socket
from typing import NamedTuple

_LONGEST = 65_536


class Response(NamedTuple):
    """What came back: status 0 means no HTTP answer, and `body` says why."""

    status: int
    body: str


def get(address: str, path: str, timeout: float) -> Response:
    """Ask for a path.

    Args:
        address: path of a Unix socket, or `host:port`.
        path: what is asked for.
        timeout: seconds to wait for each step of the answer.
    """
    try:
        with _connect(address, timeout) as connection:
            request = (
                f"GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: hubctl\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(request.encode())
            data = b""
            while len(data) < _LONGEST:
                part = connection.recv(_LONGEST)
                if not part:
                    break
                data += part
    except OSError as error:
        return Response(0, error.strerror or str(error))
    return _parse(data)


def _connect(address: str, timeout: float) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _parse(data: bytes) -> Response:
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return Response(0, "no HTTP answer" if data else "the connection was closed without an answer")
    return Response(int(words[1]), body[:500].decode("utf-8", "replace").strip())
