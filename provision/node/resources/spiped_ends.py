"""Ends of spiped tunnels that a node no longer has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..files import remove
from ..records import dataclass
from ..stopping import stop
from ..systemd import SYSTEM
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run

_TEMPLATE = re.compile(r"spiped-(?P<end>.+)@\.service")


@dataclass(frozen=True)
class SpipedEnds(Resource):
    """No end of a tunnel but those in `keep`, such as `dti-client`: units end and go, keys are overwritten first.

    An end has the template unit `spiped-<end>@.service`, and in `folder` a key and settings for each generation,
    `<tunnel>-<number>.key` and `.env`. The template goes last, so that a killed run is taken up again.
    """

    kind: ClassVar[str] = "spiped-ends"
    keep: tuple[str, ...]
    folder: str

    def __post_init__(self) -> None:
        """Refuse names that could not be those of units, and a folder that is no plain path."""
        for end in self.keep:
            plain_word(end)
        absolute(self.folder)

    @property
    def key(self) -> str:
        """The folder of the keys; there is one per node."""
        return self.folder

    def compare(self, run: Run) -> list[Change]:
        """Look for templates of other ends, and for a folder that nobody needs."""
        changes = [Change(f"remove {end}") for end in self._unwanted(run)]
        return [*changes, Change(f"remove {self.folder}")] if self._deserted(run) else changes

    def _unwanted(self, run: Run) -> list[str]:
        found = (_TEMPLATE.fullmatch(path.name) for path in run.path(SYSTEM).glob("spiped-*@.service"))
        return sorted({match["end"] for match in found if match} - set(self.keep))

    def _deserted(self, run: Run) -> bool:
        folder = run.path(self.folder)
        return not self.keep and folder.is_dir() and not any(folder.iterdir())

    def apply(self, run: Run) -> None:
        """Remove them, the one after the other.

        Raises:
            NodeError: a key could not be overwritten.
        """
        for end in self._unwanted(run):
            self._remove(run, end)
            run.stage("removed")
        run.daemon_reload()
        if self._deserted(run):
            run.path(self.folder).rmdir()

    def _remove(self, run: Run, end: str) -> None:
        system, unit = run.path(SYSTEM), f"spiped-{end}@"
        own = list(self._own_files(run, end))
        links = list(system.glob(f"*.wants/{unit}*.service"))
        numbers = {path.stem.rpartition("-")[2] for path in own}
        stop(
            run,
            sorted({f"{unit}{number}.service" for number in numbers} | {link.name for link in links}),
            "the inventory has this tunnel no more",
        )
        for path in (path for path in own if path.suffix == ".key"):
            argv = ["shred", "--iterations=1", "--zero", "--remove", str(path)]
            run.run_checked(argv, "key-not-erased", f"{path.name} could not be overwritten", timeout=60)
        run.stage("erased")
        run.journal.intend_daemon_reload()
        for path in (*links, *(path for path in own if path.suffix == ".env"), system / f"{unit}.service"):
            remove(path)
        run.units.links_changed = True

    def _own_files(self, run: Run, end: str) -> Iterator[Path]:
        own = re.compile(re.escape(end.rpartition("-")[0]) + r"-[0-9]+\.(key|env)")
        folder = run.path(self.folder)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if own.fullmatch(path.name):
                yield path
