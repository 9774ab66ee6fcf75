"""One hubctl at a time makes or removes a node's machine, or changes its packages: a lock beside the inventory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .job import Job


@contextlib.contextmanager
def claimed(job: Job, node: str) -> Iterator[None]:
    """Be the only process on this computer that does so for a node; wait for another, visibly."""
    inventory = job.loaded.path
    path = inventory.with_name(f".{inventory.stem}.{re.sub(r'[^a-z0-9-]', '_', node)[:64]}.lock")
    handle = _taken(job, node, path)
    try:
        yield
    finally:
        # Removed while it is held: who waits for it sees that it is gone, and takes a new one.
        path.unlink(missing_ok=True)
        os.close(handle)


def _taken(job: Job, node: str, path: Path) -> int:
    """Return the file, locked, and still in its place."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _wait(job, node, handle)
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _wait(job: Job, node: str, handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with job.output.step(f"another hubctl is at work for {node}: waiting for it", node=node):
            fcntl.flock(handle, fcntl.LOCK_EX)
