"""Droplets by number or tag, as several endpoints look them up."""

from __future__ import annotations

from ..model import Droplet, Snapshot
from .context import cloud
from .http import not_found


def droplet(number: int) -> Droplet:
    """Return a droplet; raises RequestError 404."""
    found = cloud().store.get(Droplet, number)
    if found is None or found.deleted:
        raise not_found()
    return found


def droplets(tag: str | None = None) -> list[Droplet]:
    """Return all droplets, or those that carry a tag."""
    return cloud().store.find(Droplet, lambda d: not d.deleted and (tag is None or carries(d, tag)))


def carries(item: Droplet, tag: str) -> bool:
    """Tell whether a droplet has this tag; case does not matter."""
    return tag.lower() in (name.lower() for name in item.tags)


def snapshots() -> list[Snapshot]:
    """Return all snapshots that have been taken."""
    return cloud().store.find(Snapshot, lambda snapshot: bool(snapshot.lowers) and not snapshot.deleted)


def snapshot(number: int) -> Snapshot | None:
    """Return a snapshot that has been taken, or None."""
    return next((found for found in snapshots() if found.id == number), None)


def removed_snapshot(number: str) -> Snapshot | None:
    """Return a snapshot that droplets are still made of, though it is no longer offered."""
    return cloud().store.get(Snapshot, int(number)) if number.isdecimal() else None


def gigabytes(item: Snapshot) -> float:
    """Return what a snapshot is said to take."""
    return round(item.bytes / 1024**3, 2)
