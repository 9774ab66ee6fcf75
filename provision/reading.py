"""Reading files that people name: a regular one, and never more of it than it may have."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import Exit, HubError


def read_regular(path: Path, most: int = 10_000_000) -> bytes:
    """Return a file's content, at most so many bytes. Nothing else is waited for, as a pipe would be.

    Raises:
        OSError: it cannot be read.
        HubError: it is no regular file (`not-a-file`).
    """
    with open(path, "rb", opener=_opened) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise HubError(
                "not-a-file",
                f"{path} is {'a pipe' if stat.S_ISFIFO(mode) else 'a device or socket'}, and no file",
                hint=f"write it to a file, and name that: ls -ld {path}",
                exit_code=Exit.INVENTORY,
            )
        return file.read(most)


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def expanded(path: str) -> Path:
    """Return a path with `~` and `~user` in the place of which home folders stand.

    Raises:
        HubError: there is no such home (`no-home`).
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise HubError(
            "no-home",
            f"{path} cannot be found: there is no such home folder here",
            why="neither HOME nor this computer's list of users names it",
            hint="write the whole path, from / on, or name the folder of hubctl's own files: "
            "export HUBCTL_CONFIG_DIR=/…/hubctl",
            exit_code=Exit.NOT_ALLOWED,
        ) from None
