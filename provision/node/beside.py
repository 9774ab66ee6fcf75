"""Resources that are applied in a thread of their own, while those between them and what they wait for are made."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from .ahead import Ahead
from .journal import Follows
from .resources.base import Change, Resource
from .run import Run


class Begun:
    """A resource that is being applied.

    Args:
        changes: what differed.
        new: what its change made due, which was not due before.
        work: the thread.
    """

    def __init__(self, changes: list[Change], new: Follows, work: Ahead[None]) -> None:
        self.changes = changes
        self.new = new
        self.work = work


class Beside:
    """What was begun. The block does not end before all of it has: nothing is left half made but by a kill.

    Args:
        resources: the desired state, in order.
    """

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._later: dict[str, list[Resource]] = {}
        self._begun: dict[str, Begun] = {}
        self._turn = threading.Lock()  # one after the other: certbot works alone
        for resource in resources:
            if resource.after:
                self._later.setdefault(resource.after, []).append(resource)

    def after(self, name: str) -> Sequence[Resource]:
        """Return what may be begun after a resource."""
        return self._later.get(name, ())

    def begin(self, run: Run, resource: Resource, changes: list[Change], new: Follows) -> None:
        """Begin to apply a resource that is journaled."""
        side = run.beside()

        def work() -> None:
            with self._turn:
                resource.apply(side)

        self._begun[resource.id] = Begun(changes, new, Ahead(work))

    def begun(self, name: str) -> Begun | None:
        """Hand over a resource that was begun, None where it was not."""
        return self._begun.pop(name, None)

    def __enter__(self) -> Beside:
        """Begin nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what nobody has asked for; its errors are told by the next run."""
        for begun in self._begun.values():
            with suppress(Exception):
                begun.work.result()
