"""Units that end in their own time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Run
    from .systemd import UnitState

_PAUSE_SECONDS = 0.2


def stop(run: Run, units: Iterable[str], why: str) -> None:
    """Stop units gracefully, all at once, and wait for them; systemd kills what takes longer than its unit allows."""
    names = list(units)
    busy = _busy(run, names)
    for state in busy:
        run.acted(state.name, "stop", [why])
    if busy:
        run.units.act_later("stop", *(state.name for state in busy))
    while busy:
        run.progress(f"{busy[0].name} finishes what it holds")
        time.sleep(_PAUSE_SECONDS)
        busy = _busy(run, names)


def _busy(run: Run, names: list[str]) -> list[UnitState]:
    return [state for state in run.units.now(*names) if state.busy]
