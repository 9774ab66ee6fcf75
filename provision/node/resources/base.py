"""What all kinds of resource have in common. Runs on the node: standard library only, Python 3.9 or newer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..records import dataclass

if TYPE_CHECKING:
    from ..run import Run
    from ..venv import Venv


@dataclass(frozen=True)
class Change:
    """One difference between what is and what shall be.

    Args:
        what: what differs, in a few words.
        diff: unified diff of a file's content.
        cause: id of the resource that differs, where it is not the one that is checked but part of it.
    """

    what: str
    diff: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Resource:
    """One piece of a node's desired state. Built by a step, sent as JSON, checked and applied on the node."""

    kind: ClassVar[str] = ""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Fields that are left out of kept plans."""

    def __post_init__(self) -> None:
        """Refuse what can never be right.

        Raises:
            ValueError: a field's value is wrong.
        """

    @property
    def key(self) -> str:
        """What tells this resource from others of its kind, such as a path."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """Name the resource: `kind:key`."""
        return f"{self.kind}:{self.key}"

    def merged(self, other: Resource) -> Resource:
        """Return the one resource that two of the same id make.

        Raises:
            ValueError: they contradict each other.
        """
        if self != other:
            raise ValueError(f"{self.id} is wanted in two ways")
        return self

    def waits_for(self) -> dict[str, tuple[str, ...]]:
        """Return what a change of other resources makes due here: action → their ids."""
        return {}

    def units(self, _: Run) -> tuple[str, ...]:
        """Return the units this resource will ask about."""
        return ()

    @property
    def after(self) -> str:
        """Return the id of the resource after which this one may be begun, while those between them are made."""
        return ""

    def paths(self) -> tuple[str, ...]:
        """Return the files this resource writes or removes."""
        return ()

    def environments(self, _: Run) -> tuple[Venv, ...]:
        """Return the virtual environments that this resource needs, made by itself unless they are there."""
        return ()

    def compare(self, run: Run) -> list[Change]:
        """Return what differs; empty when nothing is to be done. Changes nothing."""
        raise NotImplementedError

    def apply(self, run: Run) -> None:
        """Bring about what `compare` found missing."""
        raise NotImplementedError


def absolute(path: str) -> str:
    """Return the path if it is absolute and plain.

    Raises:
        ValueError: it is not.
    """
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]) or "\0" in path:
        raise ValueError(f"{path!r} is no plain absolute path")
    return path


def plain_word(word: str) -> str:
    """Return the word if it could name a file, a unit or a user and no option.

    Raises:
        ValueError: it could not.
    """
    if not word or word[0] in "-." or not all(char.isalnum() or char in "._-@:+\\" for char in word):
        raise ValueError(f"{word!r} is no plain name")
    return word
