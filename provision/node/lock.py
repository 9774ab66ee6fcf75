"""One run at a time: an flock that says who holds it and goes with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Holder = dict[str, object]


class Locked(Exception):  # noqa: N818  an outcome, not a fault
    """Somebody else holds the lock.

    Args:
        holder: who, as they described themselves.
    """

    def __init__(self, holder: Holder) -> None:
        super().__init__("locked")
        self.holder = holder


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock, or None when nobody does; a dead holder's lock is nobody's."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try(handle) else _read(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def hold(path: Path, me: Holder, wait: float, waiting: Callable[[Holder], None]) -> Iterator[None]:
    """Hold the lock.

    Args:
        path: the lock file.
        me: who we are, for those who find it locked.
        wait: seconds to wait for another holder.
        waiting: called about once a second meanwhile; may raise to give up.

    Raises:
        Locked: another holder kept it longer than that.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait
        while not _try(handle):
            holder = _read(handle)
            if time.monotonic() >= deadline:
                raise Locked(holder)
            waiting(holder)
            time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({**me, "pid": os.getpid()}).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(handle: int) -> Holder:
    with contextlib.suppress(ValueError):
        holder = json.loads(os.pread(handle, 1 << 16, 0))
        if isinstance(holder, dict):
            return holder
    return {}
