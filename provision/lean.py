"""Imports that leave out what libraries can do without."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace


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


@contextlib.contextmanager
def unversioned(version: str) -> Iterator[None]:
    """Let imports in the block that ask for the version of a distribution get this one.

    To find its own, a library may import a parser of mails and read the folders of all that is installed.
    """
    if "importlib.metadata" in sys.modules:
        yield
        return
    importlib.metadata = SimpleNamespace(version=lambda _: version)  # type: ignore[assignment]
    try:
        yield
    finally:
        del importlib.metadata
