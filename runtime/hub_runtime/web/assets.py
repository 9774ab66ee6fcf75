"""What pages load, under names that hold its hash: a name never changes its meaning, so it may be kept for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
BEFORE = {"hub.css": "colours.css"}
"""What is put before a file, in the same asset."""
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """A file: its name with the hash in it, its media type and its bytes."""

    name: str
    type: str
    body: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Return the assets by the names that templates use: ``hub.css``."""
    inside = {*BEFORE.values(), "notebook.css"}
    return {path.name: _asset(path) for path in sorted(FOLDER.iterdir()) if path.name not in inside}


@cache
def named() -> Mapping[str, Asset]:
    """Return the assets by the names that browsers ask for: ``hub.0f3c….css``."""
    return {asset.name: asset for asset in assets().values()}


@cache
def frame_style() -> str:
    """Return the style of frames. It stands in their page: each has an origin, and so a cache, of its own."""
    return "".join((FOLDER / name).read_text() for name in ("colours.css", "notebook.css"))


@cache
def digest() -> str:
    """Say in one word which assets these are: a page that was made with others is out of date."""
    return hashlib.sha256(" ".join(named()).encode()).hexdigest()[:12]


def _asset(path: Path) -> Asset:
    before = BEFORE.get(path.name)
    body = ((FOLDER / before).read_bytes() if before else b"") + path.read_bytes()
    name = f"{path.stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}"
    return Asset(name, TYPES[path.suffix], body)
