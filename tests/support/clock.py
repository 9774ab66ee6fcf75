"""Another clock for a node's engine: a machine of the local cloud shares the host's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.support.fleet import Fleet

_DAY = 86_400
# Every Python of the distribution imports this at its start, the engine's, which reads no .pth files, too.
_FILE = "$(/usr/bin/python3 -c 'import encodings; print(encodings.__file__)')"
_LINE = (
    "import time; time.time = lambda now=time.time: now() + {seconds}; "
    "time.gmtime = lambda at=None, utc=time.gmtime, time=time: utc(time.time() if at is None else at)"
)


@contextlib.contextmanager
def shifted(fleet: Fleet, node: str, *, days: int) -> Iterator[None]:
    """Have the node's Python see another time while a `with` block runs."""
    line = "\n" + _LINE.format(seconds=days * _DAY) + "\n"
    fleet.ssh(node, "sh", "-c", f"file={_FILE}; cp -p $file $file.whole; cat >> $file", stdin=line)
    try:
        yield
    finally:
        fleet.ssh(node, "sh", "-c", f"file={_FILE}; mv $file.whole $file")
