"""How long whole processes take, from their start to their end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Series:
    """The times of one thing, in seconds."""

    what: str
    tool: str
    rtt: int
    nodes: int = 1
    seconds: list[float] = field(default_factory=list)

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
) -> float:
    """Run a program to its end; return the seconds it took.

    Args:
        argv: the program and its arguments.
        env: the environment; this process's own by default.
        cwd: the folder it runs in.
        stdin: what it reads.
        expect: whether its output says that it did what it was to do: a tool that changes what it should leave
            alone, or leaves alone what it should change, has not been measured.
    """
    started = time.monotonic()
    done = subprocess.run(
        argv,
        env=dict(os.environ if env is None else env),
        cwd=cwd,
        input=stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.monotonic() - started
    if done.returncode != 0 or not expect(done.stdout):
        sys.exit(
            f"{' '.join(argv)} (status {done.returncode}) did not do what it was to do:\n{done.stdout[-4000:]}"
        )
    return seconds
