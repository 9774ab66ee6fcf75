"""Bundled services that a node no longer has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..files import remove
from ..records import dataclass
from ..releases.home import Home
from ..stopping import stop
from ..systemd import SYSTEM
from .base import Change, Resource, plain_word

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Retired(Resource):
    """A bundled service that shall not be here: its units end gracefully and go; releases and data stay on disk.

    Args:
        service: the service's name.
        alone: units of others, such as a queue, that serve it alone: they stop after it.
    """

    kind: ClassVar[str] = "retired"
    service: str
    alone: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a name that could not be a service's."""
        if "@" in plain_word(self.service) or "." in self.service:
            raise ValueError(f"{self.service!r} is no plain name")

    @property
    def key(self) -> str:
        """The service's name."""
        return self.service

    def compare(self, run: Run) -> list[Change]:
        """Look for unit files, and for a release that serves."""
        current = Home(run, self.service).current()
        files = [Change(f"stop and remove {path.name}") for path in self._unit_files(run)]
        serves = [Change(f"switch {current} → nothing")] if current else []
        return [*files, *serves, *(Change(f"stop {unit}") for unit in self._left_alone(run))]

    def units(self, _: Run) -> tuple[str, ...]:
        """Return the units that serve it alone."""
        return self.alone

    def _left_alone(self, run: Run) -> list[str]:
        return [unit for unit in self.alone if run.units.get(unit).running or run.units.enabled(unit)]

    def _unit_files(self, run: Run) -> list[Path]:
        folder, name = run.path(SYSTEM), self.service
        patterns = (f"{name}.s*", f"{name}@*.s*", f"{name}-*.s*")
        return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())

    def apply(self, run: Run) -> None:
        """Stop the units, workers when they have finished what they hold, then remove all that would start them."""
        files = self._unit_files(run)
        # Releases have files for their own instances, so templates need no looking after.
        units = [path.name for path in files if "@." not in path.name]
        stop(run, units, "the inventory has it no more")
        run.stage("stopped")
        enabled = [name for name in units if run.units.enabled(name)]
        if enabled:
            run.units.act("disable", *enabled)
        run.journal.intend_daemon_reload()
        for path in files:
            remove(path)
        run.units.links_changed = True
        run.daemon_reload()
        if left := self._left_alone(run):
            stop(run, left, f"{self.service} had it alone")
            run.units.act("disable", *left)
        Home(run, self.service).retire()
