"""What became of one node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import HubError

if TYPE_CHECKING:
    from ..transport.events import Resource


@dataclass
class Outcome:
    """What became of one node: counts of its resources, and the error that stopped it, if one did.

    `ended` says that the node itself told how it ended; else more may be done than was heard.
    """

    node: str
    ok: int = 0
    changed: int = 0
    failed: int = 0
    seconds: float = 0.0
    error: HubError | None = None
    changes: list[Resource] = field(default_factory=list)
    data: Any = None
    ended: bool = False

    def then(self, later: Outcome) -> Outcome:
        """Return what became of the node in two runs, of which the later looked at all."""
        later.changes = [*self.changes, *later.changes]
        later.seconds += self.seconds
        changed = len({change.id for change in later.changes})
        later.ok, later.changed = later.ok + later.changed - changed, changed
        return later

    @property
    def tried(self) -> int:
        """How many resources the node tells of."""
        return self.ok + self.changed + self.failed
