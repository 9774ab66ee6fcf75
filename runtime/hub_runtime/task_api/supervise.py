"""Run one task in a process of its own: pass on progress, stop it on time-out and cancellation."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from . import answers, child
from .request import TaskRequest
from .settings import Settings
from .store import Result

TICK = 0.1
CHUNK = 1 << 16


class Cancelled(Exception):  # noqa: N818 - an outcome, not a fault
    """The task is no longer this worker's to run."""


@dataclass
class Found:
    """What the solver has written so far."""

    configs: list[bytes] = field(default_factory=list)
    size: int = 0
    entropy: int | None = None
    count: int = 0
    polymers: int = 0
    result: Result | None = None
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take what was read; a line may come in parts."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        kind, _, value = line.partition(b" ")
        if kind == b"config":
            self.configs.append(value)
            self.size += len(value)
        elif kind == b"progress":
            self.count, self.polymers = (int(number) for number in value.split())
        elif kind == b"entropy":
            self.entropy = int(value)
        elif kind == b"done":
            self.result = answers.complete(self.configs, self.entropy or 0)
        elif kind == b"tbn":
            self.result = answers.tbn_exception(msgspec.json.decode(value, type=str))
        else:
            self.result = answers.exception(msgspec.json.decode(value, type=str))


def run(request: TaskRequest, settings: Settings, renew: Callable[[int, int], bool]) -> Result:
    """Solve one task.

    Args:
        request: what to solve.
        settings: the time-out and the limits.
        renew: called with count and polymers several times a second; False means the task is to stop.

    Raises:
        Cancelled: ``renew`` said so; the solver is gone.
    """
    pid, pipe = child.start(request, settings.limits.memory_bytes)
    try:
        result = _watch(pipe, settings, renew)
    finally:
        os.close(pipe)
        status = _end(pid)
    return result or _lost(status)


def _watch(pipe: int, settings: Settings, renew: Callable[[int, int], bool]) -> Result | None:
    found = Found()
    deadline = time.monotonic() + settings.timeout
    next_tick = time.monotonic() + TICK
    while found.result is None:
        now = time.monotonic()
        if now >= deadline:
            return answers.timed_out(settings.timeout, found.configs, found.entropy)
        if now >= next_tick:
            if not renew(found.count, found.polymers):
                raise Cancelled
            next_tick = time.monotonic() + TICK
        if select.select([pipe], [], [], max(0.0, min(next_tick, deadline) - time.monotonic()))[0]:
            data = os.read(pipe, CHUNK)
            if not data:
                return None
            found.feed(data)
        if found.size > settings.limits.result_bytes:
            return answers.exception(
                f"The answer is larger than {settings.limits.result_bytes} bytes: ask for fewer configurations."
            )
    return found.result


def _lost(status: int) -> Result:
    """The solver closed its pipe without a last word."""
    if os.WIFSIGNALED(status):
        how = f"was ended by {signal.Signals(os.WTERMSIG(status)).name}, perhaps for want of memory"
    else:
        how = f"exited with status {os.waitstatus_to_exitcode(status)}"
    return answers.exception(f"The solver {how}.")


def _end(pid: int) -> int:
    """Kill the solver; one that is exiting by itself keeps the status it exits with."""
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
