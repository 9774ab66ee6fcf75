"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 60, pause: float = 0.3, what: str = "it") -> T:
    """Call `look` until it gives something true, and return that; its errors count as not yet."""
    deadline = time.monotonic() + seconds
    latest: object = None
    while time.monotonic() < deadline:
        try:
            found = look()
        except (OSError, AssertionError) as error:
            latest = error
        else:
            if found:
                return found
            latest = None
        time.sleep(pause)
    raise AssertionError(f"{what} did not come within {seconds:g} s" + (f": {latest!r}" if latest else ""))
