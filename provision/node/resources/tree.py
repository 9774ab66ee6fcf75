"""Folders of files that the operator sends, for all of the node to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import intact
from ..errors import NodeError
from ..files import kind_of, make_directories, remove_tree, write_link
from ..records import dataclass
from .base import Change, Resource, absolute
from .file import put_away

if TYPE_CHECKING:
    from pathlib import Path

    from ..run import Run


@dataclass(frozen=True)
class Tree(Resource):
    """A folder with the files of a tar, at `path`: a link to one that is named by the tar's hash; former ones go."""

    kind: ClassVar[str] = "tree"
    path: str
    sha256: str

    def __post_init__(self) -> None:
        """Refuse a path that is not plain, and what is no hash."""
        absolute(self.path)
        if len(self.sha256) != 64 or not self.sha256.isalnum():
            raise ValueError(f"{self.sha256!r} is no sha256")

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def _folder(self, run: Run) -> Path:
        return run.path(f"{self.path}-{self.sha256[:12]}")

    def compare(self, run: Run) -> list[Change]:
        """See whether the link leads to the files, and that they are as they came."""
        path, folder = run.path(self.path), self._folder(run)
        if not intact.noted(folder):
            return [Change(f"receive {folder.name}")]
        if damaged := intact.damage(folder):
            return [Change(f"receive {folder.name} again: {', '.join(damaged[:3])}")]
        kind, _ = kind_of(path)
        return (
            []
            if kind == "link" and str(path.readlink()) == folder.name
            else [Change(f"lead to {folder.name}")]
        )

    def apply(self, run: Run) -> None:
        """Receive the files, lead to them, and remove what was there before."""
        path, folder = run.path(self.path), self._folder(run)
        if not intact.noted(folder) or intact.damage(folder):
            self._receive(run, folder)
        run.stage("extracted")
        if kind_of(path)[0] != "link":
            put_away(run, self.path)
        write_link(path, folder.name)
        for other in path.parent.glob(f"{path.name}-????????????"):
            if other != folder:
                remove_tree(other)

    def _receive(self, run: Run, folder: Path) -> None:
        from hashlib import sha256

        run.peer.emit("need", blobs=[self.sha256])
        data = run.peer.receive()
        if sha256(data).hexdigest() != self.sha256:
            raise NodeError("bad-upload", "what came is not what was announced", hint="deploy again")
        partial = folder.with_name(f"{folder.name}.partial")
        remove_tree(partial)
        make_directories(partial)
        _extract(data, partial)
        intact.note(partial)
        remove_tree(folder)
        partial.rename(folder)


def _extract(data: bytes, folder: Path) -> None:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            parts = member.name.split("/")
            content = archive.extractfile(member)
            if content is None or any(part in ("", ".", "..") for part in parts):
                raise NodeError("bad-upload", f"what came holds {member.name!r}, which is not taken")
            path = folder.joinpath(*parts)
            make_directories(path.parent)
            path.write_bytes(content.read())
            path.chmod(0o644)
