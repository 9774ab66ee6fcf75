"""How long a cloud is borne with: pauses that are seen, that heed what it asks for, and that come to an end.

urllib3's own retries end before an answer's body is read, and wait in silence: half an answer or an unreadable one is a
failure like any other, and so is repeated here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from .base import Say

_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Patience:
    """Limits of one call, in seconds.

    Attributes:
        connect: for the connection.
        read: for each whole answer.
        tries: how often a request is sent at most.
        connects: how often, where nobody listens.
        pause: before the second try; each next one is twice as long.
        waiting: for the call with all its tries; a pause that would end later is not begun.
    """

    connect: float = 5
    read: float = 30
    tries: int = 6
    connects: int = 3
    pause: float = 1
    waiting: float = 120


class Waiting:
    """The pauses of one call."""

    def __init__(self, patience: Patience, say: Say) -> None:
        self._patience, self._say = patience, say
        self._ends = time.monotonic() + patience.waiting
        self._done = 0

    def again(self, why: str, wanted: float | None, *, connected: bool = True) -> bool:
        """Wait before the next try, and say so; return False, at once, where there is none any more.

        Args:
            why: what happened.
            wanted: the seconds that the cloud asks for, if it does.
            connected: whether somebody listened.
        """
        patience = self._patience
        pause = max(wanted or 0, min(patience.pause * 2**self._done, _LONGEST_PAUSE))
        self._done += 1
        last = self._done >= (patience.tries if connected else patience.connects)
        if last or time.monotonic() + pause > self._ends:
            return False
        self._say(f"{why}; waiting {pause:.0f} s, then try {self._done + 1} of {patience.tries}")
        time.sleep(pause)
        return True


def asked_for(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of an answer's Retry-After, a number or a date; None where it makes no sense."""
    text = headers.get("retry-after", "")
    try:
        return Retry(retry_after_max=10**9).parse_retry_after(text) if text else None
    except (InvalidHeader, ValueError, OverflowError):
        return None
