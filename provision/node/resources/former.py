"""What had a place of the node before, which another has now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..files import kind_of
from ..records import dataclass
from ..stopping import stop
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Former(Resource):
    """A program that hubctl had set up, as the file `mark` tells: it ends, and its settings go.

    One that nobody has set up, as the file `welcome` tells, ends too: it came with an image, or by itself. One that
    somebody else has set up is left alone.

    Args:
        name: what it is called.
        mark: a file that only hubctl makes; it goes last.
        welcome: a file that its package makes, and that whoever sets it up removes.
        ends: its units.
        gone: its other files that hubctl made.
    """

    kind: ClassVar[str] = "former"
    name: str
    mark: str
    welcome: str
    ends: tuple[str, ...]
    gone: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what is no plain name or path."""
        plain_word(self.name)
        for path in (self.mark, self.welcome, *self.gone):
            absolute(path)

    @property
    def key(self) -> str:
        """What it is called."""
        return self.name

    def units(self, _: Run) -> tuple[str, ...]:
        """Return its units."""
        return self.ends

    def paths(self) -> tuple[str, ...]:
        """Return its files."""
        return (*self.gone, self.mark)

    def compare(self, run: Run) -> list[Change]:
        """Look for the mark, and for what goes with it."""
        if not self._there(run, self.mark) and not self._there(run, self.welcome):
            return []
        return [
            *(Change(f"stop and disable {unit}") for unit in self._left(run)),
            *(Change(f"remove {path}") for path in self._files(run)),
        ]

    def _files(self, run: Run) -> list[str]:
        marked = self._there(run, self.mark)
        return [path for path in self.paths() if self._there(run, path)] if marked else []

    def _there(self, run: Run, path: str) -> bool:
        return kind_of(run.path(path))[0] != "absent"

    def _left(self, run: Run) -> list[str]:
        return [unit for unit in self.ends if run.units.get(unit).running or run.units.enabled(unit)]

    def apply(self, run: Run) -> None:
        """Stop it, keep it from starting, and put its files away."""
        stop(run, self.ends, "another has its place")
        run.stage("stopped")
        if enabled := [unit for unit in self.ends if run.units.enabled(unit)]:
            run.units.act("disable", *enabled)
        run.journal.intend_daemon_reload()
        *files, mark = self._files(run) or [""]
        for path in files:
            run.put_away(run.path(path))
        run.units.links_changed = True
        run.daemon_reload()
        if mark:
            run.put_away(run.path(mark))
