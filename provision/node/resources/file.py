"""Files, directories, links and their absence."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..diff import digest, unified
from ..errors import NodeError
from ..files import kind_of, make_directories, remove, set_access, write_file, write_link
from ..records import dataclass
from .base import Change, Resource, absolute

if TYPE_CHECKING:
    from ..run import Run


def _in_the_way(path: str, what: str) -> NodeError:
    return NodeError(
        "in-the-way",
        f"{path} is {what}, which may hold data",
        hint="move it away on the node, then deploy again",
    )


def put_away(run: Run, name: str) -> None:
    """Move what is not wanted at a path to where replaced files are kept.

    Raises:
        NodeError: something is mounted there.
    """
    path = run.path(name)
    if path.is_mount():
        raise _in_the_way(name, "a mount point")
    run.put_away(path)


def _access_changes(run: Run, found: os.stat_result, wanted: File | Directory) -> list[Change]:
    changes = []
    mode = stat.S_IMODE(found.st_mode)
    if mode != wanted.mode:
        changes.append(Change(f"mode {mode:04o} → {wanted.mode:04o}"))
    if (found.st_uid, found.st_gid) != run.accounts.find(wanted.owner, wanted.group):
        changes.append(Change(f"owner {found.st_uid}:{found.st_gid} → {wanted.owner}:{wanted.group}"))
    return changes


@dataclass(frozen=True)
class File(Resource):
    """A regular file with exactly this content. A `secret` one is shown by digest only."""

    kind: ClassVar[str] = "file"
    path: str
    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False

    def __post_init__(self) -> None:
        """Refuse a path that is not plain."""
        absolute(self.path)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def paths(self) -> tuple[str, ...]:
        """Return the path."""
        return (self.path,)

    def compare(self, run: Run) -> list[Change]:
        """Compare content, mode and owner."""
        path = run.path(self.path)
        kind, found = kind_of(path)
        if kind == "file" and found is not None:
            content = self._content_change(path, found.st_size)
            return [*content, *_access_changes(run, found, self)]
        what = f"replace the {kind}" + (f" to {path.readlink()}" if kind == "link" else "")
        return [Change("create" if kind == "absent" else what, self._diff(None))]

    def _content_change(self, path: Path, size: int) -> list[Change]:
        data = self.content.encode()
        old = path.read_bytes() if size < 1 << 26 else b""
        return [] if old == data else [Change("content", self._diff(old))]

    def _diff(self, old: bytes | None) -> str:
        new = self.content.encode()
        return f"{digest(old)} → {digest(new)}\n" if self.secret else unified(self.path, old, new)

    def apply(self, run: Run) -> None:
        """Replace the file in one step, or set its mode and owner in place."""
        path = run.path(self.path)
        owner = run.accounts.ids(self.owner, self.group)
        kind, found = kind_of(path)
        if kind == "file" and found is not None and not self._content_change(path, found.st_size):
            set_access(path, self.mode, owner)
            return
        if kind not in ("file", "link"):
            put_away(run, self.path)
            make_directories(path.parent)
        elif not self.secret:
            run.keep(path)
        write_file(path, self.content.encode(), self.mode, owner)


@dataclass(frozen=True)
class Directory(Resource):
    """A directory; what is in it is not touched."""

    kind: ClassVar[str] = "directory"
    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"

    def __post_init__(self) -> None:
        """Refuse a path that is not plain."""
        absolute(self.path)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def compare(self, run: Run) -> list[Change]:
        """Compare mode and owner.

        Raises:
            NodeError: a link leads to another directory, whose data would be out of sight.
        """
        path = run.path(self.path)
        kind, found = kind_of(path)
        if kind == "link" and path.is_dir():
            raise _in_the_way(self.path, f"a link to {path.readlink()}")
        if found is None or kind != "directory":
            return [Change("create" if found is None else f"replace the {kind}")]
        return _access_changes(run, found, self)

    def apply(self, run: Run) -> None:
        """Make it, with parents, or set its mode and owner."""
        path = run.path(self.path)
        owner = run.accounts.ids(self.owner, self.group)
        if not path.is_dir():
            run.put_away(path)
            make_directories(path.parent)
            path.mkdir(mode=0o700)
        set_access(path, self.mode, owner, directory=True)


@dataclass(frozen=True)
class Symlink(Resource):
    """A symbolic link."""

    kind: ClassVar[str] = "symlink"
    path: str
    target: str

    def __post_init__(self) -> None:
        """Refuse a path that is not plain."""
        absolute(self.path)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def paths(self) -> tuple[str, ...]:
        """Return the path."""
        return (self.path,)

    def compare(self, run: Run) -> list[Change]:
        """Compare the target."""
        path = run.path(self.path)
        kind, _ = kind_of(path)
        if kind == "link":
            old = str(path.readlink())
            return [] if old == self.target else [Change(f"target {old} → {self.target}")]
        what = "create the" if kind == "absent" else f"replace the {kind} by a"
        return [Change(f"{what} link to {self.target}")]

    def apply(self, run: Run) -> None:
        """Put it in place in one step."""
        path = run.path(self.path)
        if kind_of(path)[0] in ("file", "link"):
            run.keep(path)
        else:
            put_away(run, self.path)
            make_directories(path.parent)
        write_link(path, self.target)


@dataclass(frozen=True)
class Absent(Resource):
    """No file or link at this path."""

    kind: ClassVar[str] = "absent"
    path: str

    def __post_init__(self) -> None:
        """Refuse a path that is not plain."""
        absolute(self.path)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def paths(self) -> tuple[str, ...]:
        """Return the path."""
        return (self.path,)

    def compare(self, run: Run) -> list[Change]:
        """See whether there is something."""
        kind, _ = kind_of(run.path(self.path))
        return [] if kind == "absent" else [Change(f"remove the {kind}")]

    def apply(self, run: Run) -> None:
        """Remove it; a copy is kept."""
        path = run.path(self.path)
        if kind_of(path)[0] in ("file", "link"):
            run.keep(path)
            remove(path)
        else:
            put_away(run, self.path)
