"""Run one task in a process of its own: pass on progress, stop it on time-out and cancellation."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from . import child
from .answers import Result
from .request import TaskRequest
from .settings import Settings
from .store import State

TICK = 0.1
CHUNK = 1 << 16


class Cancelled(Exception):  # noqa: N818 - an outcome, not a fault
    """The task is no longer this worker's to run."""


@dataclass
class Found:
    """What the solver has written so far.

    Attributes:
        most: bytes of the configurations that are kept.
    """

    most: int
    configs: list[bytes] = field(default_factory=list)
    size: int = 0
    entropy: int | None = None
    count: int = 0
    polymers: int = 0
    result: Result | None = None
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take what was read; a line may come in parts, and after the last word nothing counts."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self.result is None:
                self._line(line)

    def ended(self, state: State, message: str = "") -> Result:
        """What was found, and how it ended."""
        return Result(state, message, self.configs, self.entropy)

    def _line(self, line: bytes) -> None:
        kind, _, value = line.partition(b" ")
        if kind == b"config":
            self._config(value)
        elif kind == b"progress":
            self.count, self.polymers = (int(number) for number in value.split())
        elif kind == b"entropy":
            self.entropy = int(value)
        elif kind == b"done":
            self.result = self.ended(State.COMPLETE)
        elif kind == b"tbn":
            self.result = Result(State.TBN_EXCEPTION, msgspec.json.decode(value, type=str))
        else:
            self.result = self.ended(State.EXCEPTION, msgspec.json.decode(value, type=str))

    def _config(self, config: bytes) -> None:
        if self.size + len(config) > self.most:
            limit = f"The answer is larger than {self.most} bytes"
            message = f"{limit}: these are the configurations that fit. Ask for fewer."
            self.result = self.ended(State.EXCEPTION, message)
            return
        self.configs.append(config)
        self.size += len(config) + 1


def run(request: TaskRequest, settings: Settings, renew: Callable[[int, int], bool]) -> Result:
    """Solve one task.

    Args:
        request: what to solve.
        settings: the time-out and the limits.
        renew: called with count and polymers several times a second; False means the task is to stop.

    Raises:
        Cancelled: ``renew`` said so; the solver is gone.
    """
    found = Found(settings.limits.result_bytes)
    pid, pipe = child.start(request, settings.limits.memory_bytes)
    try:
        result = _watch(pipe, found, settings.timeout, renew)
    finally:
        os.close(pipe)
        status = _end(pid)
    return result or found.ended(State.EXCEPTION, _lost(status))


def _watch(pipe: int, found: Found, timeout: int, renew: Callable[[int, int], bool]) -> Result | None:
    """Return how it ended; nothing, when the solver closes its pipe without a last word."""
    deadline = time.monotonic() + timeout
    next_tick = time.monotonic() + TICK
    while found.result is None:
        now = time.monotonic()
        if now >= deadline:
            message = f"No complete answer within {timeout} s: these are the configurations found."
            return found.ended(State.TIMED_OUT, message)
        if now >= next_tick:
            if not renew(found.count, found.polymers):
                raise Cancelled
            next_tick = time.monotonic() + TICK
        if select.select([pipe], [], [], max(0.0, min(next_tick, deadline) - time.monotonic()))[0]:
            data = os.read(pipe, CHUNK)
            if not data:
                return None
            found.feed(data)
    return found.result


def _lost(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"The solver was ended by {name}, perhaps for want of memory."
    return f"The solver exited with status {os.waitstatus_to_exitcode(status)}."


def _end(pid: int) -> int:
    """Kill the solver; one that is exiting by itself keeps the status it exits with."""
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
