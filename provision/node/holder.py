"""Which process holds the lock, and whether it is an engine: a file may name one that is gone, or another by now."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from .system import STATE, System

Holder = dict[str, object]
"""Who holds the lock, as they described themselves; `pid` and `born` tell the process from all others."""

_PROC = Path("/proc")


def identity() -> Holder:
    """Return what tells this process from all that ever had its number."""
    return {"pid": os.getpid(), "born": _born(os.getpid())}


def _born(pid: int) -> int:
    """Return when a process started, in clock ticks since the boot; 0 where there is none."""
    with contextlib.suppress(OSError):
        return int((_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[19])
    return 0


def is_engine(holder: Holder, system: System) -> bool:
    """Whether the process that a holder names is there, and is the engine that named itself."""
    pid = holder.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    # One of a version that did not note when it started is told by its program alone.
    if holder.get("born", _born(pid)) != _born(pid):
        return False
    engines = os.fsencode(system.path(f"{STATE}/engine")) + b"/"
    with contextlib.suppress(OSError):
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        mine = (_PROC / str(pid)).stat().st_uid == os.geteuid()
        return mine and b"python" in words[0] and any(word.startswith(engines) for word in words[1:])
    return False


def send(holder: Holder, number: signal.Signals, system: System) -> bool:
    """Send a signal to the engine that holds the lock, and to no other process that has its number by now.

    Returns:
        Whether it is an engine.
    """
    pid = holder.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            # Looked at after it was opened: what the handle leads to cannot become another process.
            if is_engine(holder, system):
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def of_kernel(handle: int) -> Holder | None:
    """Return the process that has locked a file, as the kernel sees it, where it is no engine that names itself."""
    mine = os.fstat(handle)
    for line in (_PROC / "locks").read_text().splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(mine.st_ino):
            pid = int(words[4])
            if _has_open(pid, mine):
                return _described(pid)
    return None


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        for path in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(path.stat(), wanted):
                    return True
    return False


def _described(pid: int) -> Holder:
    folder = _PROC / str(pid)
    holder: Holder = {"pid": pid, "born": _born(pid), "from": "the node itself"}
    with contextlib.suppress(OSError):
        holder["command"] = (
            (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
        holder["who"] = f"process {pid} of uid {folder.stat().st_uid}, which is not hubctl"
        holder["started"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(folder.stat().st_ctime))
    return holder
