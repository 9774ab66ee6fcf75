"""Whether a tree of files is still as it was made.

Its manifest lies in it. The first line is what is looked at each time, in a few milliseconds: size, times and owner
of its folders and of a bounded number of its files, those first that lie highest. The second has the hash of every
file, for when there is doubt.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .files import write_file

MANIFEST = ".hubctl-manifest"
_FORMAT = 1
_FOLDERS, _FILES = 400, 256
_MARKS = ".hubctl-"
_COMPILED = "__pycache__"

Signs = Mapping[str, Any]


def note(folder: Path) -> None:
    """Write a tree's manifest, durably; nothing may change in it from then on."""
    found = {path: os.lstat(folder / path) for path in _walk(folder)}
    looked_at = [path for path in sorted(found, key=_rank) if _COMPILED not in path]
    folders = [path for path in looked_at if stat.S_ISDIR(found[path].st_mode)][:_FOLDERS]
    files = [path for path in looked_at if not stat.S_ISDIR(found[path].st_mode)][:_FILES]
    signs = {path: _sign(found[path]) for path in (*folders, *files)}
    whole = {path: _content(folder / path, entry) for path, entry in found.items()}
    lines = (json.dumps({"format": _FORMAT, "signs": signs}), json.dumps(whole))
    write_file(folder / MANIFEST, "\n".join(lines) + "\n")


def noted(folder: Path) -> bool:
    """Whether a tree has a manifest; those that an earlier version made have none."""
    return (folder / MANIFEST).is_file()


def damage(folder: Path, *, thorough: bool = False) -> list[str]:
    """Return what of a tree is damaged or gone, by its path in it; nothing where there is no manifest.

    Args:
        folder: the tree.
        thorough: look at all that is in it, instead of at what shows most damage.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            signs = json.loads(file.readline())["signs"]
            doubtful = (
                None if thorough else [path for path, sign in signs.items() if _now(folder, path) != sign]
            )
            if not thorough and not doubtful:
                return []
            whole = json.loads(file.readline())
            return sorted(path for path in _chosen(whole, doubtful) if not _same(folder, path, whole[path]))
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError, IsADirectoryError):
        return [MANIFEST]


def _walk(folder: Path) -> Iterable[str]:
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.relpath(f"{here}/{name}", folder)
            if not path.startswith(_MARKS):
                yield path


def _rank(path: str) -> tuple[int, bool, str]:
    return path.count("/"), not path.endswith("/__init__.py"), path


def _sign(found: os.stat_result) -> list[int]:
    return [found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns]


def _now(folder: Path, path: str) -> list[int] | None:
    try:
        return _sign(os.lstat(f"{folder}/{path}"))
    except OSError:
        return None


def _chosen(whole: Signs, doubtful: Iterable[str] | None) -> Iterable[str]:
    """Return what is to be looked at: all, or what is doubtful and what lies directly in a doubtful folder."""
    if doubtful is None:
        return whole
    chosen = set(doubtful)
    return [path for path in whole if path in chosen or path.rpartition("/")[0] in chosen]


def _same(folder: Path, path: str, content: object) -> bool:
    try:
        return _content(folder / path, os.lstat(folder / path)) == content
    except OSError:
        return False


def _content(path: Path, found: os.stat_result) -> list[object]:
    access: list[object] = [found.st_mode, found.st_uid, found.st_gid]
    if stat.S_ISREG(found.st_mode):
        return [*access, _hash(path)]
    return [*access, str(path.readlink())] if stat.S_ISLNK(found.st_mode) else access


def _hash(path: Path) -> str:
    from hashlib import sha256  # what is as it was needs none

    return sha256(path.read_bytes()).hexdigest()
