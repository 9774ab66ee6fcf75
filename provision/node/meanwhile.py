"""What a run makes in a thread of its own while something else takes its time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

_LOOK_SECONDS = 0.5

Offer = Callable[[], "Sequence[Piece]"]


class Piece:
    """One thing to make.

    Args:
        what: what is done, in a few words.
        path: what is there when it is made.
        work: makes it.
    """

    def __init__(self, what: str, path: Path, work: Callable[[], None]) -> None:
        self.what = what
        self.path = path
        self.work = work
        self.over = threading.Event()


class Meanwhile:
    """Makes, one after the other, what was offered.

    A piece that fails, and those after it, are as if they had never been tried: whoever needs them makes them in
    their turn, and reports what goes wrong.
    """

    def __init__(self) -> None:
        self._offer: Offer = tuple
        self._pieces: Sequence[Piece] = ()
        self.doing = ""
        """What is done, or nothing."""

    def offer(self, offer: Offer) -> None:
        """Say what could be made; it is asked for by `begin`."""
        self._offer = offer

    def begin(self) -> None:
        """Begin, once."""
        self._pieces, self._offer = self._offer(), tuple
        if self._pieces:
            self.doing = self._pieces[0].what
            threading.Thread(target=self._make, args=(self._pieces,), daemon=True).start()

    def wait(self, path: Path, waiting: Callable[[str], None]) -> None:
        """Wait until a path is made or is not going to be; return at once where nothing is under way.

        Args:
            path: the piece's.
            waiting: told what is done, twice a second.
        """
        for piece in self._pieces:
            while piece.path == path and not piece.over.wait(_LOOK_SECONDS):
                waiting(piece.what)

    def _make(self, pieces: Sequence[Piece]) -> None:
        try:
            for piece in pieces:
                self.doing = piece.what
                piece.work()
                piece.over.set()
        except Exception:  # noqa: BLE001, S110  made again by whoever needs it
            pass
        finally:
            self.doing = ""
            for piece in pieces:
                piece.over.set()
