"""The process that solves one task: it writes what it finds to a pipe and can be killed at any time."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

import msgspec

from ..tbn.errors import TBNError, TooLargeError
from ..tbn.model import Configuration, Network, spelled
from ..tbn.parse import parse
from ..tbn.solve import Entropy, Event, Progress, solve
from .request import TaskRequest

PR_SET_PDEATHSIG = 1
PROGRESS_EVERY = 0.05
NICENESS = 5
"""Solving yields to the API on the same machine."""


def start(request: TaskRequest, memory_bytes: int) -> tuple[int, int]:
    """Fork a solver: its process id and the reading end of its pipe."""
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        _become_solver(parent, writing, memory_bytes)
        _report(request, lambda line: _write(writing, line))
    finally:
        os._exit(0)


def _become_solver(parent: int, keep: int, memory_bytes: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        _vanish()
    os.closerange(3, keep)
    os.closerange(keep + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def _vanish() -> NoReturn:
    os._exit(0)


def _write(descriptor: int, line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(descriptor, view) :]


def _report(request: TaskRequest, write: Callable[[bytes], None]) -> None:
    """Solve, and write one line an event; the first byte says which."""
    try:
        network = parse(request.monomers, request.constraints)
        reporter = _Reporter(network, write)
        for event in solve(
            network, gen=request.gen, init_k=request.init_k, real_bonds=request.semantics == "bonds"
        ):
            reporter.event(event)
        write(b"done\n")
    except TBNError as error:
        write(b"tbn " + msgspec.json.encode(str(error)) + b"\n")
    except TooLargeError as error:
        write(_failed(str(error)))
    except MemoryError:
        write(_failed("The task needs more memory than it may have."))
    except Exception:  # noqa: BLE001 - whatever it is, the client is told that it is no fault of the task
        traceback.print_exc()
        write(_failed("The solver failed."))


def _failed(message: str) -> bytes:
    return b"failed " + msgspec.json.encode(message) + b"\n"


class _Reporter:
    def __init__(self, network: Network, write: Callable[[bytes], None]) -> None:
        self._network = network
        self._write = write
        self._next_progress = 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, Progress):
            now = time.monotonic()
            if now >= self._next_progress:
                self._next_progress = now + PROGRESS_EVERY
                self._write(b"progress %d %d\n" % (event.count, event.polymers))
        elif isinstance(event, Entropy):
            self._write(b"entropy %d\n" % event.polymers)
        else:
            self._write(b"config " + self._encode(event) + b"\n")

    def _encode(self, config: Configuration) -> bytes:
        return msgspec.json.encode(
            {"polymers": spelled(self._network, config), "polymers_count": len(config)}
        )
