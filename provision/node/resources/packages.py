"""Debian packages, installed in one apt transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..records import dataclass
from .base import Change, Resource

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Packages(Resource):
    """Packages that must be installed; a node's plan has one of these, merged from all its steps.

    Services do not start by being installed: their units do that, once their configuration is in place.
    """

    kind: ClassVar[str] = "packages"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what is no package's name, an option above all.

        Raises:
            ValueError: naming it.
        """
        for name in self.names:
            if not name[:1].isalnum() or not all(char.isalnum() or char in "+-." for char in name):
                raise ValueError(f"{name!r} is no package name")

    @property
    def key(self) -> str:
        """There is one per node."""
        return "apt"

    def merged(self, other: Resource) -> Packages:
        """Install what one of the two installs."""
        names = other.names if isinstance(other, Packages) else ()
        return Packages(tuple(sorted({*self.names, *names})))

    def paths(self) -> tuple[str, ...]:
        """Return where packages have their units."""
        return ("/usr/lib/systemd/system",)

    def _missing(self, run: Run) -> list[str]:
        installed = run.dpkg.installed()
        return [name for name in self.names if name not in installed]

    def compare(self, run: Run) -> list[Change]:
        """Find out which are missing."""
        missing = self._missing(run)
        return [Change(f"install {', '.join(missing)}")] if missing else []

    def apply(self, run: Run) -> None:
        """Install what is missing."""
        from ..apt import install

        install(run, self._missing(run))
