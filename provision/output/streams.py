"""This process's own streams: closed ones stand for nothing, and a full disk ends no work on nodes."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

_NAMES = ("stdin", "stdout", "stderr")


class Lasting(io.FileIO):
    """A stream that takes whatever is written; the first failure is kept as `lost`.

    A reader that is gone (`hubctl deploy | head`) is no failure: it has what it wanted.
    """

    lost: OSError | None = None

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Write, or keep why it could not be; then the rest goes nowhere."""
        view = memoryview(data)
        try:
            while self.lost is None and view:
                view = view[super().write(view) :]
        except OSError as error:
            self.lost = error
        return len(data)

    def failure(self) -> str:
        """Return why something was lost that somebody waits for, empty if nothing was."""
        if self.lost is None or self.lost.errno == errno.EPIPE:
            return ""
        return self.lost.strerror or str(self.lost)


def open_lasting() -> Lasting:
    """Make this process's streams lasting, and return standard output's.

    The numbers of closed streams are taken, so that no file gets one of them and is written to by mistake.
    """
    for number in range(len(_NAMES)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free; writing to it fails
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  it is this process's own
    stdout, stderr = (Lasting(number, "w", closefd=False) for number in (1, 2))
    sys.stdout, sys.stderr = _text(stdout, sys.stdout), _text(stderr, sys.stderr)
    return stdout


def _text(raw: Lasting, before: TextIO | None) -> io.TextIOWrapper:
    encoding = before.encoding if before else None
    buffer = io.BufferedWriter(raw)  # type: ignore[type-var]  # its type says less than it takes
    return io.TextIOWrapper(buffer, encoding, "replace", line_buffering=True)
