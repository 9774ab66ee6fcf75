"""Files that count only together, and only when a program accepts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from ..errors import NodeError
from ..originals import Originals
from ..records import dataclass
from .base import Change, Resource, plain_word
from .file import Absent, File, Symlink

if TYPE_CHECKING:
    from ..run import Run

_CHECK_SECONDS = 120


@dataclass(frozen=True)
class CheckedFiles(Resource):
    """A group of files put back as it was when `check` (an argument list, such as nginx -t) fails on it."""

    kind: ClassVar[str] = "checked-files"
    name: str
    files: tuple[File | Symlink | Absent, ...]
    check: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a name that could not name a folder, and a group without a check."""
        plain_word(self.name)
        if not self.check:
            raise ValueError("checked-files need a check")

    @property
    def key(self) -> str:
        """The group's name."""
        return self.name

    def paths(self) -> tuple[str, ...]:
        """Return the members' paths."""
        return tuple(file.path for file in self.files)

    def compare(self, run: Run) -> list[Change]:
        """Compare every member."""
        changes = [
            replace(change, what=f"{file.path}: {change.what}", cause=file.id)
            for file in self.files
            for change in file.compare(run)
        ]
        if not changes and Originals(run, self.name).open():
            return [Change("check what a killed run has written")]
        return changes

    def apply(self, run: Run) -> None:
        """Write the members, have them checked, and put all back if they are refused.

        Raises:
            NodeError: the check failed; everything is as it was.
        """
        originals = Originals(run, self.name)
        changing = [file for file in self.files if file.compare(run)]
        originals.save(file.path for file in changing)
        run.stage("saved")
        try:
            for file in changing:
                file.apply(run)
                run.stage("written")
        except (OSError, NodeError):
            originals.restore()
            raise
        done = run.system.run(self.check, timeout=_CHECK_SECONDS)
        run.stage("checked")
        if done.status == 0:
            originals.drop()
            return
        originals.restore()
        raise NodeError(
            "check-failed",
            f"{self.check[0]} refuses the new {self.name} files; they are as they were",
            why=done.tail(40),
            hint="correct what it names; nothing was restarted",
        )
