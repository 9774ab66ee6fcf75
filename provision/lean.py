"""Imports that leave out what libraries can do without."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without(*optional: str) -> Iterator[None]:
    """Let imports in the block find optional packages missing, those that were not imported before.

    Some libraries import at once what few of their users need: half of Paramiko's start is Invoke.
    """
    absent = [name for name in optional if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # not to be found
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
