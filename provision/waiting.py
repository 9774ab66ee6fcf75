"""Waiting for things outside, each with a name and a time limit of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import Exit, HubError

T = TypeVar("T")


def wait_for(
    what: str,
    look: Callable[[], T | None],
    *,
    seconds: float,
    pause: float = 0.5,
    most: float = 5.0,
    hint: str = "",
) -> T:
    """Call `look` until it returns something, with growing pauses.

    Args:
        what: what is waited for, for the error.
        look: returns None as long as it is not there; its errors end the waiting.
        seconds: the limit.
        pause: the first pause, in seconds.
        most: the longest pause, in seconds.
        hint: what to do when the limit is over.

    Raises:
        HubError: the limit is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() + pause > deadline:
            raise HubError(
                "waited-too-long",
                f"waited {seconds:.0f} s for {what}",
                hint=hint or "run the same command again: it carries on from here",
                exit_code=Exit.UNREACHABLE,
            )
        time.sleep(pause)
        pause = min(pause * 1.5, most)
