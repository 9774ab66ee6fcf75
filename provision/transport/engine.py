"""The engine's protocol, seen from the operator's side (`provision/node/` is the other end).

One exec carries all: a gzipped manifest on stdin, JSON events on stdout, and the blobs that the node asks for.
The engine lives on the node under its content address and is sent when that one is not there, or not whole.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import Exit, HubError
from ..packing import engine_archive, engine_program

if TYPE_CHECKING:
    import paramiko

    from .events import End, Event
    from .ssh import Session

FOLDER = "/var/lib/hubctl/engine"
NOT_THERE = 90
NO_PYTHON = 91
SILENCE_SECONDS = 900  # the longest time an engine may say nothing: one slow package installation
_RESULTS = {"done": 0, "failed": 1, "interrupted": 3, "locked": int(Exit.LOCKED)}

OnEvent = Callable[["Event"], None]
Blobs = Mapping[str, Callable[[], bytes]]
"""Content by sha256, made only when a node asks for it."""

# $1 is the engine's folder, $2 what starts it: words of a fixed script, nothing of the operator's is in it.
_START = f'command -v python3 >/dev/null || exit {NO_PYTHON}; exec python3 -I -S -c "$2" "$1"'


@dataclass(frozen=True)
class Engine:
    """The engine on a node, started and waiting for its request."""

    session: Session
    channel: paramiko.Channel
    stderr: bytearray = field(default_factory=bytearray)


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
    session.start(channel, ["sh", "-c", _START, "sh", _folder(), engine_program("start")])
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
        on_event: called with every event, in order; the last is the end.

    Returns:
        The engine's exit status: 0 when the end says that all is done, and only then.

    Raises:
        HubError: the connection was lost, the engine could not be started or stopped before its end, or what answers
            is no engine of hubctl's.
    """
    session = engine.session
    frame = gzip.compress(json.dumps(request).encode(), compresslevel=6, mtime=0)
    status = _converse(engine, frame, blobs, on_event)
    if status == NOT_THERE:
        digest, archive = engine_archive()
        install = ["python3", "-I", "-S", "-c", engine_program("install"), _folder(), digest]
        installed = session.run(install, stdin=archive)
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
    from .events import Garbled

    session, channel = engine.session, engine.channel
    try:
        session.send(channel, _framed(frame))
        end = _listen(engine, dict(blobs), on_event)
        return _status(engine, end)
    except Garbled as error:
        raise garbled(session.target.pin.node, str(error)) from None
    finally:
        # Closing stdin is also how the engine learns that the operator is gone.
        channel.close()


def _listen(engine: Engine, blobs: dict[str, Callable[[], bytes]], on_event: OnEvent) -> End | None:
    """Take all events; return the last if it is the end. Each blob is given once."""
    from .events import End, Garbled, Need, read

    end: End | None = None
    for event in read(engine.session.pieces(engine.channel, engine.stderr)):
        if end is not None:
            raise Garbled("it goes on after its end")
        if isinstance(event, Need):
            for sha256 in event.blobs:
                if sha256 not in blobs:
                    raise Garbled(f"it asks for {sha256}, which it does not need")
                engine.session.send(engine.channel, _framed(blobs.pop(sha256)()))
            continue
        end = event if isinstance(event, End) else None
        on_event(event)
    return end


def _framed(payload: bytes) -> bytes:
    return struct.pack(">Q", len(payload)) + payload


def _status(engine: Engine, end: End | None) -> int:
    """Return the engine's exit status, which must be the one of its end."""
    from .events import Garbled

    session = engine.session
    status, stderr = session.ended(engine.channel, engine.stderr)
    if end is None and status in (NOT_THERE, NO_PYTHON):
        return status
    if end is None:
        raise HubError(
            "engine-died",
            f"the engine on {session.target.pin.node} stopped before its end, with status {status}",
            why=stderr[-2000:],
            hint="run the same command again: what was journaled is finished first",
        )
    if status != _RESULTS[end.result]:
        raise Garbled(f"it ends with status {status} though it says {end.result}")
    return status


def garbled(node: str, why: str) -> HubError:
    """Return the error for a node that says what its engine never says."""
    return HubError(
        "engine-garbled",
        f"what answers on {node} is not hubctl's engine",
        why=why,
        hint=f"does a login there write something of its own? `hubctl run {node} -- true` must say nothing; "
        f"`hubctl run {node} -- journalctl -u ssh -n 50` tells who was there. Only a machine that is not yours any "
        f"more is made anew, once what you need is kept: `hubctl destroy-node {node}`, `hubctl create-node {node}`",
    )
