"""Where a service's releases are, which one serves, and in which order they came."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import intact, venv
from ..errors import NodeError
from ..files import remove_tree, write_link
from ..run import Run
from ..state import load, save, words
from .left import left
from .served import Served, read

ROOT = "/opt/hub"
DESCRIPTION = "release.json"
DOOR = "web.sock"
"""Link to the own socket of a release that shares none: the web server asks at `current/web.sock`."""


class Home:
    """A service's directory, `/opt/hub/<service>`.

    Args:
        run: the run.
        service: the service's name.
    """

    def __init__(self, run: Run, service: str) -> None:
        self._run = run
        self.service = service
        self.root = run.path(f"{ROOT}/{service}")
        self.releases = self.root / "releases"
        self._current = self.root / "current"
        self._order = run.state / "releases" / f"{service}.json"

    def folder(self, release: str) -> Path:
        """Return a release's folder."""
        return self.releases / release

    def environment(self, requirements: str) -> Path:
        """Return the folder of the environment that a lock gives; releases with that lock share it."""
        return self.root / "envs" / venv.address(requirements)

    def built(self, release: str) -> bool:
        """Whether the release is there and says what it is; it is renamed into place when it is whole."""
        try:
            self.read(release)
        except NodeError:
            return False
        return True

    def flaws(self, release: str, *, thorough: bool = False) -> list[str]:
        """Return what is wrong with a release: nothing, where it is there as it was built.

        Args:
            release: the release.
            thorough: see that each of its files is as it was.
        """
        if not self.folder(release).is_dir():
            return ["it is not there"]
        damaged = intact.damage(self.folder(release), thorough=thorough)
        if not damaged and not self.built(release):
            damaged = [DESCRIPTION]
        return [f"{path} is damaged" for path in damaged]

    def read(self, release: str) -> Served:
        """Return what was noted of a release when it was built.

        Raises:
            NodeError: it cannot be read.
        """
        try:
            data = json.loads((self.folder(release) / DESCRIPTION).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
            data = None
        return read(data, self.service, release)

    def find(self, release: str) -> Served:
        """Return a release, by the units that it has left where nothing else says what it is."""
        if self.built(release):
            return self.read(release)
        nameless = Served(self.service, release)
        return next((each for each in left(self._run, nameless, ()) if each.release == release), nameless)

    def others(self, like: Served) -> list[Served]:
        """Return the releases that are on disk, or have left units, but one.

        Args:
            like: that one.
        """
        known = self.all()
        there = [self.read(name) for name in known if name != like.release]
        return there + left(self._run, like, {*known, like.release})

    def all(self) -> list[str]:
        """Return the releases on disk."""
        if not self.releases.is_dir():
            return []
        names = sorted(path.name for path in self.releases.iterdir())
        return [name for name in names if "." not in name and self.built(name)]

    def environment_of(self, release: str) -> str:
        """Return the address of the environment that a release on disk runs in, or nothing."""
        link = self.folder(release) / "venv"
        return link.readlink().name if link.is_symlink() else ""

    def current(self) -> str:
        """Return the release that serves, or nothing."""
        return self._current.readlink().name if self._current.is_symlink() else ""

    def door(self) -> Path:
        """Return the socket at which the web server asks, where releases share none."""
        return (self._current / DOOR).resolve()

    def point_to(self, release: str) -> None:
        """Make a release the one that serves, in one step."""
        if release:
            write_link(self._current, f"releases/{release}")
        else:
            self._current.unlink(missing_ok=True)

    def order(self) -> list[str]:
        """Return the releases that have proven healthy: each after the one that it replaced.

        Raises:
            NodeError: that is not to be read.
        """
        hint = f"on the node: `rm -r {self._order}`; a rollback then needs to be told its release (--to)"
        return load(self._order, "order", hint, _order) or []

    def note_deploy(self, release: str, former: str) -> None:
        """Put a release at the end of the order, after the one that served before it.

        That one may be older than others: who rolled back from a release is not to be taken back to it.
        """
        order = [name for name in self.order() if name not in (release, former)]
        names = filter(self.built, dict.fromkeys([*order, former, release]))
        save(self._order, {"releases": list(names)})

    def retire(self) -> None:
        """Let no release serve, and none be rolled back to; they stay on disk."""
        self._order.unlink(missing_ok=True)
        self._current.unlink(missing_ok=True)

    def previous(self) -> str:
        """Return the release before the one that serves, or nothing."""
        order = [name for name in self.order() if self.built(name)]
        current = self.current()
        before = order[: order.index(current)] if current in order else order
        return before[-1] if before else ""

    def remove(self, release: str) -> None:
        """Remove a release."""
        # Without its description it counts no longer, should this be cut short.
        (self.folder(release) / DESCRIPTION).unlink(missing_ok=True)
        remove_tree(self.folder(release))


def _order(data: Any) -> list[str]:
    """Return the releases that a file names; before it had a format it was a list alone."""
    return words(data["releases"] if isinstance(data, dict) else data)


def homes(run: Run) -> Iterator[Home]:
    """Yield the services that have releases here."""
    root = run.path(ROOT)
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if stat.S_ISDIR(path.lstat().st_mode) and (path / "releases").is_dir():
            yield Home(run, path.name)
