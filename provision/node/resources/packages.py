"""Debian packages, installed in one apt transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Change, Resource

if TYPE_CHECKING:
    from ..context import Context


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

    def _missing(self, ctx: Context) -> list[str]:
        installed = ctx.dpkg.installed()
        return [name for name in self.names if name not in installed]

    def compare(self, ctx: Context) -> list[Change]:
        """Find out which are missing."""
        missing = self._missing(ctx)
        return [Change(f"install {', '.join(missing)}")] if missing else []

    def apply(self, ctx: Context) -> None:
        """Install what is missing."""
        from ..apt import install

        install(ctx, self._missing(ctx))
