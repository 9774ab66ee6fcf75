"""One run at a time: an flock that says who holds it and goes with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from .errors import NodeError
from .files import naming
from .holder import Holder, identity, is_engine, of_kernel
from .system import System

PATH = "/run/hubctl/lock"
_OTHERS = 0o077
_UNNAMED_SECONDS = 1.0


class Locked(Exception):  # noqa: N818  an outcome, not a fault
    """Somebody else holds the lock.

    Args:
        holder: who, as they described themselves.
    """

    def __init__(self, holder: Holder) -> None:
        super().__init__("locked")
        self.holder = holder


class Lock:
    """The lock of a machine.

    Whoever has the file open can lock it, to read it is enough: so only root can reach it.

    Args:
        system: the machine.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._path = system.path(PATH)

    def holder(self) -> Holder | None:
        """Return who holds the lock, or None when nobody does; a dead holder's lock is nobody's."""
        try:
            handle = _regular(os.open(self._path, os.O_RDWR | os.O_CLOEXEC), self._path)
        except FileNotFoundError:
            return None
        try:
            named = _read(handle)
            if is_engine(named, self._system):
                return named
            return None if _try(handle) else of_kernel(handle) or {}
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def hold(self, me: Holder, wait: float, waiting: Callable[[Holder], None]) -> Iterator[None]:
        """Hold the lock.

        Args:
            me: who we are, for those who find it locked.
            wait: seconds to wait for another holder.
            waiting: called about once a second meanwhile; may raise to give up.

        Raises:
            Locked: another holder kept it longer than that.
        """
        handle = self._take(wait, waiting)
        try:
            with naming(self._path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps({**me, **identity()}).encode(), 0)
            yield
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def _take(self, wait: float, waiting: Callable[[Holder], None]) -> int:
        deadline = time.monotonic() + wait
        unnamed = time.monotonic() + _UNNAMED_SECONDS
        while True:
            handle = self._open()
            # Another run may have put a new file in place of this one meanwhile.
            if _try(handle) and _is_at(handle, self._path):
                return handle
            holder = self.holder()
            os.close(handle)
            if not holder and time.monotonic() < unnamed:
                time.sleep(0.02)  # somebody looked who holds it
                continue
            if time.monotonic() >= deadline:
                raise Locked(holder or {})
            waiting(holder or {})
            time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))

    def _open(self) -> int:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & _OTHERS:
            folder.chmod(0o700)
        handle = _private(self._path)
        if not _exposed(handle):
            return handle
        os.close(handle)
        return self._renewed()

    def _renewed(self) -> int:
        """Replace a file that others may have open, unless an earlier version's engine is at work with it."""
        guard = _private(self._path.with_name("renewal"))
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            handle = _private(self._path)
            if not _exposed(handle) or is_engine(_read(handle), self._system):
                return handle
            os.close(handle)
            self._path.unlink()
            return _private(self._path)
        finally:
            os.close(guard)


def _private(path: Path) -> int:
    return _regular(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), path)


def _regular(handle: int, path: Path) -> int:
    """Return a handle of a file; in a pipe nobody could leave a name.

    Raises:
        NodeError: it is none.
    """
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise NodeError(
        "state-damaged",
        f"{path} is no file but a pipe or a device",
        hint=f"on the node: `ls -ld {path}`; move it away, then deploy again",
    )


def _exposed(handle: int) -> bool:
    return bool(os.fstat(handle).st_mode & _OTHERS)


def _is_at(handle: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.lstat())
    return False


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
