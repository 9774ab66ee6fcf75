"""Which of a service's releases serves."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = "shared"
"""The name of the socket that releases share: the one that serves accepts on it."""


def release() -> str | None:
    """The release that this process belongs to."""
    return os.environ.get("HUB_RELEASE")


def is_current(root: str | None, release: str | None) -> bool:
    """Whether this release is the one that serves; true where there are no releases to choose from."""
    if not root or not release:
        return True
    try:
        target = Path(root, "current").readlink()
    except OSError:
        return False
    return target.name == release and target.parent.name == "releases"
