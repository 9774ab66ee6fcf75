"""The engine's protocol, seen from the operator's side (`provision/node/` is the other end).

One exec carries all: a gzipped manifest on stdin, JSON events on stdout, and the blobs that the node asks for.
The engine lives on the node under its content address and is sent only when that one is not there.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Exit, HubError
from ..packing import engine_archive

if TYPE_CHECKING:
    import paramiko

    from .ssh import Session

FOLDER = "/var/lib/hubctl/engine"
NOT_THERE = 90
NO_PYTHON = 91
SILENCE_SECONDS = 900  # the longest time an engine may say nothing: one slow package installation

Event = Mapping[str, Any]
OnEvent = Callable[[Event], None]
Blobs = Mapping[str, Callable[[], bytes]]
"""Content by sha256, made only when a node asks for it."""

# $1 is the engine's folder; words of a fixed script, nothing of the operator's is in it.
_START = (
    f"command -v python3 >/dev/null || exit {NO_PYTHON}; "
    f'[ -f "$1/__main__.py" ] || exit {NOT_THERE}; exec python3 -I -S "$1"'
)
_INSTALL = (
    'umask 077; mkdir -p "$1.$$" && tar -xf - -C "$1.$$" && '
    '{ mv -T "$1.$$" "$1" 2>/dev/null || { rm -rf "$1.$$"; [ -f "$1/__main__.py" ]; }; }'
)


@dataclass(frozen=True)
class Engine:
    """The engine on a node, started and waiting for its request."""

    session: Session
    channel: paramiko.Channel


def prepare_to_connect() -> None:
    """Import what talks to nodes, while the lines to them are opened."""
    from . import ssh  # noqa: F401


def prepare_to_start() -> None:
    """Pack the engine, which all nodes get alike, while they open a session."""
    engine_archive()


def start(session: Session) -> Engine:
    """Start the engine; whether it is there shows when it is asked.

    Raises:
        HubError: the connection was lost.
    """
    channel = session.channel()
    session.start(channel, ["sh", "-c", _START, "sh", _folder()])
    channel.settimeout(SILENCE_SECONDS)
    return Engine(session, channel)


def _folder() -> str:
    digest, _ = engine_archive()
    return f"{FOLDER}/{digest}"


def run(engine: Engine, request: Mapping[str, Any], *, blobs: Blobs, on_event: OnEvent) -> int:
    """Have a started engine do what a request asks for; install it first where it is not there yet.

    Args:
        engine: the engine; it has ended afterwards.
        request: what is asked for (docs/reference/engine.md).
        blobs: what the node may ask for.
        on_event: called with every event, in order.

    Returns:
        The engine's exit status.

    Raises:
        HubError: the connection was lost or the engine could not be started.
    """
    session = engine.session
    frame = gzip.compress(json.dumps(request).encode(), compresslevel=6, mtime=0)
    status = _converse(engine, frame, blobs, on_event)
    if status == NOT_THERE:
        _, archive = engine_archive()
        installed = session.run(["sh", "-c", _INSTALL, "sh", _folder()], stdin=archive)
        if installed.status != 0:
            raise _no_engine(session, installed.stderr)
        status = _converse(start(session), frame, blobs, on_event)
    if status == NO_PYTHON:
        raise _no_engine(session, "python3 is not installed")
    return status


def _no_engine(session: Session, why: str) -> HubError:
    return HubError(
        "engine-not-started",
        f"the engine could not be started on {session.target.pin.node}",
        why=why.strip()[-2000:],
        hint="a full disk or a missing python3 are the usual reasons: log in and look",
    )


def _converse(engine: Engine, frame: bytes, blobs: Blobs, on_event: OnEvent) -> int:
    session, channel = engine.session, engine.channel
    try:
        _send(channel, frame)
        for event in _events(session, channel):
            if event.get("event") == "need":
                for sha256 in event["blobs"]:
                    _send(channel, blobs[sha256]())
            else:
                on_event(event)
        return _status(session, channel)
    finally:
        # Closing stdin is also how the engine learns that the operator is gone.
        channel.close()


def _send(channel: paramiko.Channel, payload: bytes) -> None:
    try:
        channel.sendall(struct.pack(">Q", len(payload)) + payload)
    except OSError:
        return  # the engine is gone: its exit status tells why


def _events(session: Session, channel: paramiko.Channel) -> Iterator[Event]:
    try:
        for line in channel.makefile("r"):
            yield json.loads(line)
    except TimeoutError:
        raise session.lost(f"the engine said nothing for {SILENCE_SECONDS} s") from None
    except ValueError:
        raise HubError("engine-garbled", "the engine's answer is no event", why=line[:500]) from None


def _status(session: Session, channel: paramiko.Channel) -> int:
    stderr = channel.makefile_stderr("r").read()
    status = channel.recv_exit_status()
    if status == -1:
        raise session.lost(_text(stderr) or "the engine ended without a status")
    if status not in (0, 1, 3, int(Exit.LOCKED), NOT_THERE, NO_PYTHON):
        raise HubError(
            "engine-died",
            f"the engine on {session.target.pin.node} ended with status {status}",
            why=_text(stderr)[-2000:],
            hint="run the same command again: what was journaled is finished first",
        )
    return status


def _text(raw: str | bytes) -> str:
    return (raw.decode(errors="replace") if isinstance(raw, bytes) else raw).strip()
