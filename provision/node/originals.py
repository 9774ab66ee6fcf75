"""What a group of files was like when it was last accepted, kept until the group is accepted again."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .files import kind_of, make_directories, remove, remove_tree, sync_directory, write_file, write_link
from .run import Run
from .state import load, save, typed

_INDEX = "index.json"


class Originals:
    """The originals of one group. They exist on disk only while the group is between two accepted states.

    Args:
        run: the run.
        group: the group's name, a plain word.
    """

    def __init__(self, run: Run, group: str) -> None:
        self._ctx = run
        self._folder = _root(run) / group

    def open(self) -> bool:
        """Whether the group was being changed when a run ended."""
        return (self._folder / _INDEX).exists()

    def save(self, paths: Iterable[str]) -> None:
        """Keep these files, durably, before they change."""
        make_directories(self._folder)
        self._folder.chmod(0o700)
        index = [self._save(number, path) for number, path in enumerate(paths)]
        save(self._folder / _INDEX, {"files": index})

    def _save(self, number: int, name: str) -> dict[str, Any]:
        path = self._ctx.path(name)
        kind, found = kind_of(path)
        entry: dict[str, Any] = {"path": name, "kind": kind}
        if kind == "link":
            entry["target"] = str(path.readlink())
        elif kind == "file" and found is not None:
            write_file(self._folder / str(number), path.read_bytes())
            entry["mode"] = stat.S_IMODE(found.st_mode)
            entry["owner"] = (found.st_uid, found.st_gid)
            entry["times"] = (found.st_atime_ns, found.st_mtime_ns)
        return entry

    def restore(self) -> list[str]:
        """Put every file back exactly as it was; return their paths.

        Raises:
            NodeError: what was kept is damaged.
        """
        hint = f"on the node: look into {self._folder}, then `rm -r` it; a deploy writes the group anew"
        index = load(self._folder / _INDEX, "originals", hint, _index) or []
        for number, entry in enumerate(index):
            path = self._ctx.path(entry["path"])
            if entry["kind"] == "link":
                write_link(path, entry["target"])
            elif entry["kind"] == "file":
                data = (self._folder / str(number)).read_bytes()
                write_file(path, data, entry["mode"], entry["owner"], entry["times"])
            elif kind_of(path)[0] in ("file", "link"):
                remove(path)
        self.drop()
        return [entry["path"] for entry in index]

    def drop(self) -> None:
        """Forget them: the group is accepted, or is as it was."""
        (self._folder / _INDEX).unlink(missing_ok=True)
        sync_directory(self._folder)
        remove_tree(self._folder)


def _index(data: Any) -> list[dict[str, Any]]:
    """Return the entries of an index; before it had a format it was a list alone."""
    index = typed(data["files"] if isinstance(data, dict) else data, list)
    for entry in index:
        for name in ("path", "kind", *(("target",) if entry["kind"] == "link" else ())):
            typed(entry[name], str)
        if entry["kind"] == "file":
            for number in (entry["mode"], *entry["owner"], *entry["times"]):
                typed(number, int)
            entry["owner"], entry["times"] = tuple(entry["owner"][:2]), tuple(entry["times"][:2])
    return index


def _root(run: Run) -> Path:
    return run.state / "originals"


def restore_all(run: Run) -> Iterator[str]:
    """Put back every group that a killed run left half-written; yield the paths."""
    root = _root(run)
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if (folder / _INDEX).exists():
            yield from Originals(run, folder.name).restore()
        else:
            remove_tree(folder)
