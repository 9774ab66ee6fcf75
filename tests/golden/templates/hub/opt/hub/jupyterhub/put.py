# Made by hubctl; the next deploy undoes changes made here.
"""Puts files into a home without ever overwriting what its owner changed. Runs as the owner (`drop.py`).

The rules are nbgitpuller's, but that a learner's copy keeps its name: what they did not change since it was put there
is updated, what they deleted comes back, and what they changed stays, with what is new beside it. Everything is found
from the home's handle on, a name at a time, and no link is followed. Done again after a kill, it does the rest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

MOST_FILES, MOST_BYTES = 2000, 64_000_000
"""Of one push. The controller uses this too."""

_ABSENT, _OTHER = "", "other"
_PIECE = 1 << 20
_MOST_BESIDE = 100
_TOLD = 10


def version(content: bytes) -> str:
    """Return what tells a content from others: its size and its sha256."""
    return f"{len(content)}:{hashlib.sha256(content).hexdigest()}"


class Put:
    """What was put into one home.

    Args:
        home: handle of the home.
        known: version of each path that was put there last; brought up to date.
        room: bytes that the home may take more, or None for any number.
    """

    def __init__(self, home: int, known: Mapping[str, str], room: int | None = None) -> None:
        self.known = dict(known)
        self._home = home
        self._room = room
        self._counts = dict.fromkeys(("new", "updated", "kept", "conflict", "same"), 0)
        self._beside: list[str] = []
        self._problem = ""

    def result(self) -> dict[str, Any]:
        """Return the counts, the first files that lie beside a learner's own, and what went wrong, or nothing."""
        return {**self._counts, "beside": self._beside[:_TOLD], "problem": self._problem}

    def put_all(self, files: Mapping[str, bytes]) -> None:
        """Put files, by their paths in the home; the first error of the system ends it."""
        for path, content in files.items():
            try:
                self._put(path, content)
            except OSError as error:  # noqa: PERF203
                self._problem = f"{path}: {error.strerror or error}"
                return

    def _put(self, path: str, content: bytes) -> None:
        *folders, name = path.split("/")
        with _folder(self._home, folders) as folder:
            if self._place(folder, path, name, content):
                return
            if self.known.get(path) == version(content):
                self._counts["kept"] += 1
                return
            beside = self._put_beside(folder, "/".join(folders), name, content)
        self.known[path] = version(content)
        self._counts["conflict"] += 1
        self._beside.append(beside)

    def _place(self, folder: int, path: str, name: str, content: bytes, count: bool = True) -> bool:
        """Have a content at its own name, unless what is there is its owner's; return whether it is there."""
        new, known = version(content), self.known.get(path, _ABSENT)
        found = _version_of(folder, name, (new, known))
        kind = "same" if found == new else "new" if found == _ABSENT else "updated"
        if found not in (new, _ABSENT, known):
            return False
        if found != new:
            self._take_room(content)
            if not _write(folder, name, content, found):
                return False
        self.known[path] = new
        self._counts[kind] += count
        return True

    def _put_beside(self, folder: int, where: str, name: str, content: bytes) -> str:
        """Put a content beside what its owner has; return the path. What they changed there stays, too."""
        for number in range(1, _MOST_BESIDE):
            other = beside_name(name, number)
            path = f"{where}/{other}" if where else other
            if self._place(folder, path, other, content, count=False):
                return path
        raise OSError(errno.EEXIST, f"{_MOST_BESIDE - 1} copies are beside it already")

    def _take_room(self, content: bytes) -> None:
        if self._room is not None:
            if len(content) > self._room:
                raise OSError(errno.EDQUOT, "the home would be fuller than it may be")
            self._room -= len(content)


def beside_name(name: str, number: int) -> str:
    """Return the name of what lies beside a learner's own: `lesson.new.ipynb`, then `lesson.new-2.ipynb` …"""
    plain = PurePosixPath(name)
    return f"{plain.stem}.new{f'-{number}' if number > 1 else ''}{plain.suffix}"


@contextlib.contextmanager
def _folder(home: int, names: Sequence[str]) -> Iterator[int]:
    """Open a folder of a home, made where it is missing."""
    handle = os.dup(home)
    try:
        for name in names:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=handle)
            try:
                below = os.open(
                    name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle
                )
            except OSError as error:
                if error.errno in (errno.ENOTDIR, errno.ELOOP):
                    raise OSError(error.errno, f"{name} is no folder there, and stays as it is") from None
                raise
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def _version_of(folder: int, name: str, versions: Sequence[str]) -> str:
    """Return the version of what is there, "" of nothing; what cannot be one of those asked for is not read."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return _ABSENT
    except OSError:
        return _OTHER  # a link, a socket, or closed to the owner themselves: theirs in any case
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or not any(v.startswith(f"{found.st_size}:") for v in versions):
            return _OTHER
        digest, size = hashlib.sha256(), 0
        while (piece := os.read(handle, _PIECE)) and size <= found.st_size:
            digest.update(piece)
            size += len(piece)
        return f"{size}:{digest.hexdigest()}"
    finally:
        os.close(handle)


def _write(folder: int, name: str, content: bytes, found: str) -> bool:
    """Put a file in place whole or not at all; return whether what was there was still as found."""
    new = f".{name}.hubctl-new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(new, flags, 0o644, dir_fd=folder)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        return _rename(folder, new, name, found)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new, dir_fd=folder)


def _rename(folder: int, new: str, name: str, found: str) -> bool:
    if found == _ABSENT:
        try:
            os.link(new, name, src_dir_fd=folder, dst_dir_fd=folder)  # never replaces what came meanwhile
        except FileExistsError:
            return False
        return True
    if _version_of(folder, name, (found,)) != found:  # saved meanwhile
        return False
    os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    return True
