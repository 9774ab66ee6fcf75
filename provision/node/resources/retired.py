"""Bundled services that a node no longer has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..atomic import remove
from ..releases.home import Home
from ..releases.unit_files import SYSTEM
from .base import Change, Resource, plain_word

if TYPE_CHECKING:
    from ..context import Context
    from ..systemd import UnitState

_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Retired(Resource):
    """A bundled service that shall not be here: its units end gracefully and go; releases and data stay on disk."""

    kind: ClassVar[str] = "retired"
    service: str

    def __post_init__(self) -> None:
        """Refuse a name that could not be a service's."""
        if "@" in plain_word(self.service) or "." in self.service:
            raise ValueError(f"{self.service!r} is no plain name")

    @property
    def key(self) -> str:
        """The service's name."""
        return self.service

    def compare(self, ctx: Context) -> list[Change]:
        """Look for unit files, and for a release that serves."""
        current = Home(ctx, self.service).current()
        files = [Change(f"stop and remove {path.name}") for path in self._unit_files(ctx)]
        return [*files, Change(f"switch {current} → nothing")] if current else files

    def _unit_files(self, ctx: Context) -> list[Path]:
        folder, name = ctx.path(SYSTEM), self.service
        patterns = (f"{name}.s*", f"{name}@*.s*", f"{name}-*.s*")
        return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())

    def apply(self, ctx: Context) -> None:
        """Stop the units, workers when they have finished what they hold, then remove all that would start them."""
        files = self._unit_files(ctx)
        # Releases have files for their own instances, so templates need no looking after.
        units = [path.name for path in files if "@." not in path.name]
        self._stop(ctx, units)
        ctx.stage("stopped")
        enabled = [name for name in units if ctx.units.enabled(name)]
        if enabled:
            ctx.units.act("disable", *enabled)
        ctx.journal.intend_daemon_reload()
        for path in files:
            remove(path)
        ctx.units.links_changed = True
        ctx.daemon_reload()
        Home(ctx, self.service).retire()

    def _stop(self, ctx: Context, units: list[str]) -> None:
        busy = self._busy(ctx, units)
        for state in busy:
            ctx.acted(state.name, "stop", ["the inventory has it no more"])
        if busy:
            ctx.units.act_later("stop", *(state.name for state in busy))
        # systemd kills what takes longer than its unit allows.
        while busy:
            ctx.progress(f"{busy[0].name} finishes what it holds")
            time.sleep(_PAUSE_SECONDS)
            busy = self._busy(ctx, units)

    def _busy(self, ctx: Context, units: list[str]) -> list[UnitState]:
        return [state for state in ctx.units.now(*units) if state.active not in ("inactive", "failed")]
