"""How long whole processes take, from their start to their end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds from start to end, its own and its children's CPU seconds, most memory in MB."""

    seconds: float
    cpu: float
    memory: float


@dataclass
class Series:
    """The costs of one thing."""

    what: str
    tool: str
    rtt: int
    nodes: int = 1
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, cost: Cost) -> None:
        """Note one more run."""
        self.seconds.append(cost.seconds)
        self.cpu.append(cost.cpu)
        self.memory.append(cost.memory)

    @property
    def median(self) -> float:
        """The median time."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, object]:
        """Return the series with its median as plain data."""
        return {**asdict(self), "median": self.median}


def timed(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    expect: Callable[[str], bool] = lambda _: True,
) -> Cost:
    """Run a program to its end; return what it took.

    Args:
        argv: the program and its arguments.
        env: the environment; this process's own by default.
        cwd: the folder it runs in.
        stdin: what it reads.
        expect: whether its output says that it did what it was to do: a tool that changes what it should leave
            alone, or leaves alone what it should change, has not been measured.
    """
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as said:
        given.write(stdin)
        given.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(
            argv,
            env=dict(os.environ if env is None else env),
            cwd=cwd,
            stdin=given,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    if process.returncode != 0 or not expect(output):
        sys.exit(
            f"{' '.join(argv)} (status {process.returncode}) did not do what it was to do:\n{output[-4000:]}"
        )
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
