"""Something is done for users of the hub, one after the other, and told."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Callable

from ..errors import Interrupted, NodeError
from ..records import dataclass
from ..resources.base import Change
from ..run import Run
from ..tally import Tally


@dataclass(frozen=True)
class Came:
    """What came of it for one user: what was done, and whether not all could be."""

    done: tuple[str, ...]
    failed: bool = False


def in_turn(run: Run, tally: Tally, turns: Iterable[tuple[str, Callable[[], Came]]]) -> None:
    """Do something for each user, by name.

    Raises:
        Interrupted: the caller wants no more of it.
        NodeError, OSError: of the work; whoever comes after that is left as they are.
    """
    for index, (name, work) in enumerate(turns):
        if run.peer.interrupted():
            raise Interrupted
        resource, started = f"account:{name}", time.monotonic()
        run.enter(index, resource)
        try:
            came = work()
        except (NodeError, OSError):
            tally.note(resource, "failed")
            raise
        status = "failed" if came.failed else "changed" if came.done else "ok"
        tally.note(resource, status, [Change(what) for what in came.done])
        said = [{"what": what, "diff": ""} for what in came.done]
        seconds = round(time.monotonic() - started, 3)
        run.peer.emit("resource", id=resource, status=status, changes=said, seconds=seconds)
