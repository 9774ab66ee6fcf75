"""Python virtual environments made from hash-pinned locks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

from .. import venv
from ..files import kind_of, remove_tree, write_link
from ..records import dataclass
from .base import Change, Resource, absolute
from .file import put_away

if TYPE_CHECKING:
    from pathlib import Path

    from ..run import Run


@dataclass(frozen=True)
class PythonEnv(Resource):
    """A virtual environment at `path` (a link to a content-addressed folder), exactly as `requirements` pins it.

    `requirements` is the text of a lock with hashes. It is installed by the `uv` at that path, or by pip when empty.
    What the node's file `added` pins (users/added.py) and `requirements` does not is installed, too.
    The folder is `path` with the lock's address; the one before it stays, and those from which
    something still runs.
    """

    kind: ClassVar[str] = "python-env"
    path: str
    requirements: str
    uv: str = ""
    added: str = ""

    def __post_init__(self) -> None:
        """Refuse paths that are not plain."""
        absolute(self.path)
        for path in filter(None, (self.uv, self.added)):
            absolute(path)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def environments(self, run: Run) -> tuple[venv.Venv]:
        """Return the one that it points to."""
        uv, requirements = run.path(self.uv) if self.uv else None, self._requirements(run)
        folder = run.path(f"{self.path}-{venv.address(requirements)}")
        return (venv.Venv(folder, requirements, uv, link=run.path(self.path)),)

    def _requirements(self, run: Run) -> str:
        if not self.added:
            return self.requirements
        from ..locks import merged  # few nodes have a hub
        from ..users import added

        return merged(self.requirements, added.read(run, self.added).lock)

    def compare(self, run: Run) -> list[Change]:
        """See whether the link points to the lock's environment, and that it is complete."""
        path, folder = run.path(self.path), self.environments(run)[0].folder
        kind, _ = kind_of(path)
        if flaws := venv.flaws(folder):
            return [Change(f"build {folder.name}: {', '.join(flaws[:3])}")]
        old = str(path.readlink()) if kind == "link" else "nothing" if kind == "absent" else f"a {kind}"
        return [] if old == folder.name else [Change(f"switch {old} → {folder.name}")]

    def apply(self, run: Run) -> None:
        """Build the environment, switch to it, and remove those before the last from which nothing runs."""
        path, (wanted,) = run.path(self.path), self.environments(run)
        folder = wanted.folder
        former = path.readlink().name if path.is_symlink() else ""
        venv.build(run, wanted)
        if not former:
            put_away(run, self.path)
        write_link(path, folder.name)
        run.stage("switched")
        others = [
            other
            for other in path.parent.glob(f"{path.name}-????????????")
            if other.name not in (folder.name, former)
        ]
        for other in set(others) - _in_use(run, others):
            remove_tree(other)


def _in_use(run: Run, folders: list[Path]) -> set[Path]:
    """Return the environments from which programs run: by their command line, or what they have loaded."""
    found: set[Path] = set()
    for process in run.path("/proc").glob("[0-9]*") if folders else ():
        for file in ("cmdline", "maps"):
            with contextlib.suppress(OSError):  # it has ended
                said = (process / file).read_bytes()
                found |= {folder for folder in folders if f"/{folder.name}/".encode() in said}
    return found
