"""What came of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .resources.base import Change


class Tally:
    """What came of a run: the status of each resource, and what changed."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.changes: list[dict[str, object]] = []

    def note(self, resource: str, status: str, changes: Sequence[Change] = ()) -> None:
        """Note the status of a resource, by its id; one that changed and is looked at again remains changed."""
        if status != "ok" or resource not in self.statuses:
            self.statuses[resource] = status
        if changes:
            self.changes.append({"id": resource, "what": [change.what for change in changes]})

    def count(self, *statuses: str) -> int:
        """Return how many resources have one of these statuses."""
        return sum(status in statuses for status in self.statuses.values())
