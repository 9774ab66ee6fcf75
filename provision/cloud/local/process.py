"""Long-lived processes of an instance: started apart from their starter, found again by pid and start time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...node.files import write_file
from .host import program_path

_GO = b"go\n"


@dataclass(frozen=True)
class Process:
    """One process of this computer; a pid alone is used again, with its start time it is not.

    Attributes:
        pid: process id.
        started: start time in clock ticks since boot (field 22 of /proc/PID/stat).
        boot: the kernel's boot id, since ticks begin anew with each boot.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Identify a running process; raises ProcessLookupError when there is none."""
        state = _state(pid)
        if state is None:
            raise ProcessLookupError(pid)
        return cls(pid, state[1], _boot_id())

    @classmethod
    def load(cls, path: Path) -> Process | None:
        """Read the process that `save` wrote; None when there is no such file."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        """Write this identity for `load`."""
        write_file(path, json.dumps(asdict(self)))

    def alive(self) -> bool:
        """Tell whether this very process still runs (a zombie does not)."""
        state = _state(self.pid)
        return (
            state is not None
            and state[0] not in "ZX"
            and state[1] == self.started
            and self.boot == _boot_id()
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process and to no other that got its pid later."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; False when it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self, seconds: float = 10) -> None:
        """End the process: SIGTERM, and SIGKILL when it has not ended after `seconds`; with 0, SIGKILL at once."""
        if seconds:
            self.signal(signal.SIGTERM)
        if not self.wait(seconds):
            self.signal(signal.SIGKILL)
            self.wait(5)


def start_detached(
    argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, identity: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that it outlives the caller.

    Args:
        argv: program and arguments.
        log: file that its output is appended to.
        environment: variables beside those of this process.
        identity: file for the process's identity. The program calls `await_starter` first: should the starter be
            killed before the file is written, the program ends, so that none runs that nobody knows of.
    """
    with open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if identity is None else subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PATH": program_path(), **(environment or {})},
        )
    if identity is not None and process.stdin is not None:
        Process.of(process.pid).save(identity)
        with process.stdin as starter:
            starter.write(_GO)
    # Somebody has to collect the exit status while the starter itself lives on.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def await_starter() -> bool:
    """Wait for the starter to have noted this process; False when it was killed before."""
    return sys.stdin.buffer.readline() == _GO


def _state(pid: int) -> tuple[str, int] | None:
    """Return the state letter and the start time of a process, or None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return fields[0], int(fields[19])


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
