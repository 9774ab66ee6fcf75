"""lock-status and lock-release: who works on this node, and how to end a run that its operator has left."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from .. import lock
from ..request import LOCK, Request
from .answer import answer

_PATIENCE_SECONDS = 30.0


def lock_status(request: Request) -> int:
    """Answer with the holder, or null."""
    return answer(request, {"holder": lock.holder_of(request.system.path(LOCK))})


def lock_release(request: Request) -> int:
    """Ask the holder to stop after the resource in hand; with `force`, end it at once. A dead holder has no lock.

    Answers with `holder` (who it was, or null) and `released`.
    """
    path = request.system.path(LOCK)
    holder = lock.holder_of(path)
    pid = holder.get("pid") if holder else None
    if isinstance(pid, int):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if request.manifest.get("force") is True else signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while lock.holder_of(path) is not None and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer(request, {"holder": holder, "released": lock.holder_of(path) is None})
