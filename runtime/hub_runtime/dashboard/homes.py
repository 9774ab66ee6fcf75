"""Users' notebooks, opened so that a link or a foreign file is never followed with the reader's rights."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .model import State


class NotShownError(Exception):
    """The file is not to be read; why is its text, and the state says what it is."""

    def __init__(self, state: State, note: str) -> None:
        super().__init__(note)
        self.state = state


def read(homes: str, user: str, filename: str, limit: int) -> bytes:
    """Return a file of a user's own, below their home.

    Every folder on the way is opened from the one before it: links are refused wherever they are, however
    quickly they are put there. The file must belong to whom the home belongs.

    Args:
        homes: the folder of all homes.
        user: the home's name.
        filename: the path below the home.
        limit: most bytes that are read.

    Raises:
        NotShownError: it is not there, not theirs, not a file, or too large.
    """
    parts = PurePosixPath(filename).parts
    if not parts or ".." in parts or filename.startswith("/") or "/" in user or user in ("", ".", ".."):
        raise NotShownError(State.FOREIGN, "the path leads out of the home")
    folder = os.O_DIRECTORY | os.O_RDONLY
    try:
        handle = _open(user, folder, os.open(homes, folder | os.O_CLOEXEC))
        owner = os.fstat(handle).st_uid
        for part in parts[:-1]:
            handle = _open(part, folder, handle)
        # Not to wait for whoever writes, should it be a pipe.
        handle = _open(parts[-1], os.O_RDONLY | os.O_NONBLOCK, handle)
    except FileNotFoundError as error:
        raise NotShownError(State.MISSING, "there is no such file any more") from error
    except (OSError, ValueError) as error:
        raise NotShownError(
            State.FOREIGN, "the path leads over a link, or over what cannot be opened"
        ) from error
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_uid != owner:
        os.close(handle)
        raise NotShownError(State.FOREIGN, "it is not a file of the user's own")
    with os.fdopen(handle, "rb") as file:
        content = file.read(limit + 1) if about.st_size <= limit else b""
    size = max(about.st_size, len(content))
    if size > limit:
        raise NotShownError(State.HUGE, f"it has {size / 1e6:.1f} MB, too much to show")
    return content


def gone(homes: str) -> Callable[[str], bool] | None:
    """Return what says whether a user's home is gone; None where none is there, as when a disk is missing."""
    try:
        there = {path.name for path in Path(homes).iterdir()}
    except OSError:
        return None
    return (lambda user: user not in there) if there else None


def _open(name: str, flags: int, folder: int) -> int:
    """Open what a folder holds, and close the folder."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
