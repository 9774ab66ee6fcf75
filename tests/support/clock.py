"""Another clock for a node's engine: a machine of the local cloud shares the host's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.support.fleet import Fleet

_DAY = 86_400
# A line that every Python of the distribution runs at its start.
_FILE = "/usr/lib/python3/dist-packages/hubctl-test-clock.pth"
_LINE = (
    "import time; time.time = lambda now=time.time: now() + {seconds}; "
    "time.gmtime = lambda at=None, utc=time.gmtime, time=time: utc(time.time() if at is None else at)"
)


@contextlib.contextmanager
def shifted(fleet: Fleet, node: str, *, days: int) -> Iterator[None]:
    """Have the node's Python see another time while a `with` block runs."""
    fleet.ssh(node, "sh", "-c", f"cat > {_FILE}", stdin=_LINE.format(seconds=days * _DAY) + "\n")
    try:
        yield
    finally:
        fleet.ssh(node, "rm", "-f", _FILE)
