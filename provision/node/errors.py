"""What the engine reports instead of a traceback."""

from __future__ import annotations

import errno


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


def from_os_error(error: OSError) -> NodeError:
    """Explain an error of the operating system."""
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NodeError(
            "disk-full",
            f"{where}{what}",
            hint="free some space on the node (`df -h`, `apt-get clean`), then deploy again",
        )
    if error.errno == errno.EROFS:
        return NodeError(
            "read-only", f"{where}{what}", hint="the disk may be failing: see `dmesg` on the node"
        )
    return NodeError("os-error", f"{where}{what}")


def disk_full(output: str) -> str:
    """Return the code for a full disk if a program complains about one."""
    signs = ("No space left on device", "You don't have enough free space", "Disk quota exceeded")
    return "disk-full" if any(sign in output for sign in signs) else ""
