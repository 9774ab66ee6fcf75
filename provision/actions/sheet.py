"""A sheet of cards to print and cut: who, where and with which password."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import Exit, HubError
from ..node.files import write_file
from ..render import render
from .users import Person


def reserve(path: Path) -> None:
    """Make an empty sheet that its owner alone can read, before anything is changed.

    Raises:
        OSError: it cannot be made.
        HubError: there is one already, perhaps with passwords that nobody else knows.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise HubError(
            "file-exists",
            f"{path} is there already: it may hold passwords that nothing else does",
            hint="name another file",
            exit_code=Exit.USAGE,
        ) from None


def write(path: Path, people: Sequence[Person], address: str, title: str) -> None:
    """Write the sheet, whole; without anybody there is none."""
    if people:
        write_file(path, page(people, address, title), 0o600)
    else:
        path.unlink(missing_ok=True)


def page(people: Sequence[Person], address: str, title: str) -> str:
    """Return the sheet as a page that needs nothing from elsewhere."""
    return render("users/sheet.html", people=people, address=address, title=title)
