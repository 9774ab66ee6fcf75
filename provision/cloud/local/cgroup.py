"""Control groups: each machine has its own, which names all of its processes and nobody else's."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_PARENT = "hubctl-local"


def join(name: str) -> list[Path]:
    """Put this process into a group of its own and return the group's folders, one a hierarchy.

    Where systemd runs the computer it has made a scope already (`scope_argv`); elsewhere the group is made here.
    """
    if _systemd_runs():
        own = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip()
        return [root / own.lstrip("/") for root in _hierarchies()]
    folders = [root / _PARENT / name for root in _hierarchies()]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text("0")
    return folders


def scope_argv(name: str) -> list[str]:
    """Return the command prefix that puts a program into a delegated scope where systemd runs the computer."""
    if not _systemd_runs():
        return []
    return [
        "systemd-run",
        "--scope",
        "--quiet",
        "--collect",
        "--property=Delegate=yes",
        f"--unit={_PARENT}-{name}",
    ]


def kill(folders: list[Path], seconds: float = 10) -> bool:
    """Kill every process of the group; False when some are still there after `seconds`."""
    deadline = time.monotonic() + seconds
    quiet = 0
    # Looked at twice: a process that moves to another group just then is in neither.
    while quiet < 2:
        pids = processes(folders)
        quiet = 0 if pids else quiet + 1
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05 if pids else 0.01)
    return True


@contextlib.contextmanager
def frozen(folders: Sequence[Path]) -> Iterator[None]:
    """Let no process of the group run meanwhile, where the kernel can do that (the unified hierarchy can)."""
    switches = [folder / "cgroup.freeze" for folder in folders if (folder / "cgroup.freeze").exists()]
    try:
        for switch in switches:
            switch.write_text("1")
            _await_frozen(switch.with_name("cgroup.events"))
        yield
    finally:
        for switch in switches:
            with contextlib.suppress(OSError):  # the machine ended meanwhile
                switch.write_text("0")


def _await_frozen(events: Path, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while "frozen 1" not in events.read_text().splitlines():
        if time.monotonic() > deadline:  # a process waits for a disk: what it writes is not copied
            return
        time.sleep(0.01)


def remove(folders: list[Path]) -> None:
    """Remove the group's folders, innermost first; a group with processes stays."""
    for folder in folders:
        inner = sorted(_groups(folder), reverse=True)
        for path in [*inner, folder.parent]:
            if _PARENT in path.parts:
                with contextlib.suppress(OSError):
                    path.rmdir()


def processes(folders: list[Path]) -> set[int]:
    """Return the ids of the group's processes, without this one."""
    found: set[int] = set()
    for folder in folders:
        for group in _groups(folder):
            with contextlib.suppress(OSError):
                found.update(
                    int(line) for line in (group / "cgroup.procs").read_text().split() if line != "0"
                )
    return found - {os.getpid()}


def _groups(folder: Path) -> list[Path]:
    """Return a group and all groups in it. Some may vanish meanwhile: os.walk takes that, Path.rglob does not."""
    return [Path(path) for path, _, _ in os.walk(folder)]


def _hierarchies() -> list[Path]:
    """Return the mounted hierarchies that systemd-nspawn uses: the named one, the unified one, or both (hybrid)."""
    hybrid = [_MOUNT / name for name in ("systemd", "unified") if (_MOUNT / name / "cgroup.procs").exists()]
    return hybrid or [_MOUNT]


def _systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()
