"""ask: whether something answers at an address that the node reaches."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..errors import Interrupted
from ..records import dataclass
from ..request import Request
from .answer import answer

_PAUSE_SECONDS = 0.2
_LONGEST = 4096


@dataclass(frozen=True)
class Call:
    """What is asked for, where.

    Args:
        host: address or name, or the path of a Unix socket.
        port: TCP port.
        text: what is said when the connection stands; may be nothing.
        expected: how the first line of a good answer begins.
        silence: seconds without an answer after which a connection counts as open where nothing was said, and as
            unanswered where something was.
    """

    host: str
    port: int = 0
    text: str = ""
    expected: str = ""
    silence: float = 5.0


@dataclass(frozen=True)
class Heard:
    """What came back.

    Args:
        problem: what went wrong, or nothing.
        silent: whether the connection stands and nothing was said either way.
        ms: how long it took, in milliseconds.
    """

    problem: str
    silent: bool = False
    ms: float = 0.0


def ask(request: Request) -> int:
    """Ask `host` at `port` for `seconds`, until a good answer comes; answer with what came last."""
    fields = request.manifest
    call = call_of(fields)
    deadline = time.monotonic() + float(fields.get("seconds", 0))
    while True:
        heard = once(call)
        if not heard.problem or time.monotonic() > deadline:
            return answer(request, asdict(heard))
        if request.peer.interrupted():
            raise Interrupted
        time.sleep(_PAUSE_SECONDS)


def call_of(fields: Mapping[str, Any]) -> Call:
    """Return what a request asks for."""
    return Call(
        str(fields.get("host", "")),
        int(fields.get("port", 0)),
        str(fields.get("text", "")),
        str(fields.get("expected", "")),
        float(fields.get("silence", Call.silence)),
    )


def once(call: Call) -> Heard:
    """Ask one time."""
    started = time.monotonic()
    try:
        problem, silent = _converse(call)
    except OSError as error:
        problem, silent = str(error), False
    return Heard(problem, silent, round(1000 * (time.monotonic() - started), 1))


def _connected(call: Call) -> socket.socket:
    if not call.host.startswith("/"):
        return socket.create_connection((call.host, call.port), call.silence)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(call.silence)
    try:
        connection.connect(call.host)
    except OSError:
        connection.close()
        raise
    return connection


def _converse(call: Call) -> tuple[str, bool]:
    with _connected(call) as connection:
        connection.sendall(call.text.encode())
        try:
            said = connection.recv(_LONGEST)
        except socket.timeout:
            return (f"no answer within {call.silence:.0f} s", False) if call.text else ("", True)
    if not said:
        return "the connection was closed without a byte", False
    line = said.split(b"\r\n")[0].decode("latin-1")
    return ("" if line.startswith(call.expected) else f"it answers {line[:80]!r}"), False
