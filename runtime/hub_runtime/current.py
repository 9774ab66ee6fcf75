"""Which of a service's releases serves."""

from __future__ import annotations

from pathlib import Path

SHARED = "shared"
"""The name of the socket that releases share: the one that serves accepts on it."""


def is_current(root: str | None, release: str | None) -> bool:
    """Whether this release is the one that serves; true where there are no releases to choose from."""
    if not root or not release:
        return True
    try:
        target = Path(root, "current").readlink()
    except OSError:
        return False
    return target.name == release and target.parent.name == "releases"
