"""Names of baked images: a snapshot's title says what it is called, what it was made from, and of what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .base import Snapshot


@dataclass(frozen=True)
class Title:
    """The title of a baked image in the account, `<name>@<base>@<digest>`.

    Attributes:
        name: what an inventory calls it.
        base: slug of the provider's image that it was made from.
        digest: of its packages and locks.
    """

    name: str
    base: str
    digest: str

    def __str__(self) -> str:
        return "@".join((self.name, self.base, self.digest))


def title_of(snapshot: Snapshot) -> Title | None:
    """Return the title of a baked image, None for other snapshots."""
    parts = snapshot.title.split("@")
    return Title(*parts) if len(parts) == 3 else None


def name_of(snapshot: Snapshot) -> str:
    """Return what an inventory calls a snapshot."""
    title = title_of(snapshot)
    return title.name if title else snapshot.title


def named(snapshots: Iterable[Snapshot], name: str) -> list[Snapshot]:
    """Return the snapshots of a name, the newest first."""
    found = [item for item in snapshots if name_of(item) == name]
    return sorted(found, key=lambda item: (item.created, item.id), reverse=True)


def newest(snapshots: Iterable[Snapshot], name: str) -> Snapshot | None:
    """Return the newest snapshot of a name, or None."""
    return next(iter(named(snapshots, name)), None)
