"""How somebody looks at a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

THEMES = ("light", "dark")


@dataclass(frozen=True)
class View:
    """Where a page is, and how it is wanted. The wishes are in its address, so that links and refreshes keep them.

    Attributes:
        root: path of the site, ``/services/dashboard/``.
        path: path of the page below it.
        query: what else its address asks for: ``(("path", "day1.ipynb"),)``.
        names: whether people are named; else they have numbers, and no name leaves the server.
        theme: ``light`` or ``dark``; empty: as the viewer's system has it.
    """

    root: str = "/"
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    names: bool = True
    theme: str = ""

    @classmethod
    def asked(cls, root: str, path: str, arguments: Mapping[str, str]) -> View:
        """Read a view from the query of a request; what it does not know is the page's own."""
        own = tuple((key, value) for key, value in arguments.items() if key not in ("names", "theme"))
        theme = arguments.get("theme", "")
        return cls(
            root,
            path,
            own,
            arguments.get("names") != "hidden",
            theme if theme in THEMES else "",
        )

    def link(self, path: str, /, **query: str) -> str:
        """Return the address of another page, seen in the same way."""
        return replace(self, path=path, query=tuple(query.items())).here()

    def here(self) -> str:
        """Return the address of this page."""
        wishes = [("names", "hidden")] if not self.names else []
        wishes += [("theme", self.theme)] if self.theme else []
        query = urlencode([*((key, value) for key, value in self.query if value), *wishes])
        return f"{self.root}{self.path}" + (f"?{query}" if query else "")

    def with_names(self, shown: bool) -> str:
        """Return the address of this page with names, or without."""
        return replace(self, names=shown).here()

    def in_theme(self, theme: str) -> str:
        """Return the address of this page in these colours."""
        return replace(self, theme=theme).here()
