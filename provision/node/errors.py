"""What the engine reports instead of a traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class NodeError(Exception):
    """An error for the operator.

    Args:
        code: stable identifier, lower case with hyphens.
        message: what went wrong, one line.
        why: cause or evidence, may have several lines.
        hint: what to do next.
    """

    def __init__(self, code: str, message: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why
        self.hint = hint


class Interrupted(Exception):  # noqa: N818  not an error: the operator is gone, or asked to stop
    """The run must end after the resource in hand."""


_OWN = ("/var/lib/hubctl/", "/run/hubctl/")
_AGAIN = "then deploy again"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_PERMITTED = frozenset({errno.EPERM, errno.EACCES})
_WRONG_KIND = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENXIO}
)


def from_os_error(error: OSError) -> NodeError:
    """Explain an error of the operating system by its number and by the file that it is about."""
    path = next((name for name in (error.filename2, error.filename) if isinstance(name, str)), "")
    what = ": ".join(filter(None, (path, error.strerror or str(error))))
    code, hint = _explained(error.errno or 0, path)
    return NodeError(code, what, hint=f"{hint}, {_AGAIN}")


def _explained(number: int, path: str) -> tuple[str, str]:
    """Return the code of an error, and what to do about it."""
    place = Path(path or "/")
    there = next(each for each in (place, *place.parents, Path("/")) if each.exists())
    if number in _FULL:
        return _no_room(there)
    if number == errno.EROFS:
        return "read-only", f"on the node: `findmnt -T {there}` and `dmesg`; a disk that fails is read-only"
    if number == errno.EIO:
        return "disk-failing", "on the node: `dmesg`; replace the disk or the machine"
    if number in _NOT_PERMITTED:
        return (
            "not-permitted",
            f"on the node: `lsattr -d {there.parent} {there}`; `chattr -ai` takes a mark away",
        )
    if number in _WRONG_KIND:
        own = any(part in path for part in _OWN)
        return "state-damaged" if own else "in-the-way", f"on the node: `ls -ld {there}`; move it away"
    return "os-error", f"on the node: `ls -ld {there}`; correct what is wrong with it"


def _no_room(place: Path) -> tuple[str, str]:
    found = os.statvfs(place)
    if found.f_files and not found.f_ffree:
        return "no-inodes", f"remove files that are not needed on the node (`df -i {place}`)"
    return "disk-full", f"free some space on the node (`df -h {place}`, `apt-get clean`)"


def no_room(output: str) -> tuple[str, str]:
    """Return the code and the hint for a full disk if a program complains about one, else nothing."""
    signs = ("No space left on device", "You don't have enough free space", "Disk quota exceeded")
    if not any(sign in output for sign in signs):
        return "", ""
    found = [_no_room(Path(folder)) for folder in ("/var", "/")]
    code, hint = next((each for each in found if each[0] == "no-inodes"), found[0])
    return code, f"{hint}, {_AGAIN}"
