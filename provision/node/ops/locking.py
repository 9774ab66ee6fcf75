"""lock-status and lock-release: who works on this node, and how to end a run that its operator has left."""

from __future__ import annotations

import signal
import time

from ..errors import NodeError
from ..holder import Holder, send
from ..lock import PATH, Lock
from ..request import Request
from .answer import answer

_PATIENCE_SECONDS = 30.0


def lock_status(request: Request) -> int:
    """Answer with the holder, or null."""
    return answer(request, {"holder": Lock(request.system).holder()})


def lock_release(request: Request) -> int:
    """Ask the holder to stop after the resource in hand; with `force`, end it at once. A dead holder has no lock.

    Answers with `holder` (who it was, or null) and `released`.

    Raises:
        NodeError: the holder is no engine, and is left alone.
    """
    lock = Lock(request.system)
    holder = lock.holder()
    stop = signal.SIGKILL if request.manifest.get("force") is True else signal.SIGTERM
    if holder is not None and not send(holder, stop, request.system) and lock.holder() is not None:
        raise _not_ours(holder)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while holder is not None and lock.holder() is not None and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer(request, {"holder": holder, "released": lock.holder() is None})


def _not_ours(holder: Holder) -> NodeError:
    pid = holder.get("pid")
    look = f"`ps -fp {pid}`, and `kill {pid}` if it may end" if pid else f"`fuser -v {PATH}`"
    return NodeError(
        "not-an-engine",
        f"{PATH} is locked by {holder.get('who', 'a process that is not hubctl')}: it is left alone",
        why=str(holder.get("command", "")),
        hint=f"on the node: {look}",
    )
