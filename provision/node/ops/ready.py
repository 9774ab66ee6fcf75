"""ready: a machine that was just made can be deployed to: cloud-init is done, and nobody holds apt's locks."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from pathlib import Path
from typing import Callable

from ..errors import Interrupted, NodeError
from ..request import Request
from .answer import answer

_SECONDS = 600.0
_PAUSE = 0.1
_PROGRAM = "/usr/bin/cloud-init"
_RESULT = "/run/cloud-init/result.json"
_DISABLED = "/run/cloud-init/disabled"
_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock")


def ready(request: Request) -> int:
    """Wait for both, `seconds` at most for each.

    Raises:
        NodeError: cloud-init failed, or the time is over.
    """
    seconds = float(request.manifest.get("seconds", _SECONDS))
    path = request.system.path
    if path(_PROGRAM).exists() and not path(_DISABLED).exists():
        _wait(request, path(_RESULT).exists, seconds, "cloud-init")
        _check_cloud_init(path(_RESULT))
    for lock in _LOCKS:
        _wait(request, lambda lock=lock: _free(path(lock)), seconds, lock)  # type: ignore[misc]
    return answer(request, None)


def _wait(request: Request, done: Callable[[], bool], seconds: float, what: str) -> None:
    deadline, told = time.monotonic() + seconds, False
    while not done():
        if not told:
            request.peer.emit("progress", id="ready", text=f"waiting for {what}")
            told = True
        if request.peer.interrupted():
            raise Interrupted
        if time.monotonic() > deadline:
            raise NodeError(
                "not-ready",
                f"waited {seconds:.0f} s for {what}",
                hint="run the same command again once it is done",
            )
        time.sleep(_PAUSE)


def _check_cloud_init(result: Path) -> None:
    errors: list[object] = []
    with contextlib.suppress(ValueError, KeyError, TypeError):
        errors = list(json.loads(result.read_bytes())["v1"]["errors"])
    if errors:
        raise NodeError(
            "cloud-init-failed",
            "cloud-init failed",
            why="\n".join(map(str, errors)),
            hint="look into /var/log/cloud-init.log there, or start again with `hubctl destroy-node NODE`",
        )


def _free(lock: Path) -> bool:
    """Whether no other process holds a lock of apt's; where apt is not, nobody does."""
    try:
        with lock.open("a") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
