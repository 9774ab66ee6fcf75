"""Releases of a bundled service: built beside the running one, proven, then switched to."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar

from .. import intact, venv
from ..diff import settings_changes
from ..errors import NodeError
from ..records import dataclass
from ..releases.home import Home
from ..releases.served import UNHEALTHY, Served
from ..releases.unit_files import differing
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from pathlib import Path

    from ..run import Run

_NAMED = 3


@dataclass(frozen=True)
class Release(Resource):
    """One release of a service, at `/opt/hub/<service>/releases/<release>/`; `current` points to the running one.

    A release folder holds `hub_runtime/` (from the bundle), `venv` (from `requirements`; a link, releases with equal
    requirements share it), `settings.json` (0640, the service's group), `units/` (the unit
    files it was proven with) and `release.json`. The units of the release
    (`<web>@<release>.service`, `<worker>@<release>.service`) are started beside the running ones and the web unit is
    probed over HTTP on its own socket. Only when all are healthy, requests are led to it and the former units are
    stopped gracefully; workers finish what they hold. `keep` releases stay.

    Args:
        service: name of the service.
        release: content address of all that follows and of the unit files (see `steps/runtime.py`).
        bundle: sha256 of the tar with the code.
        requirements: text of the hash-pinned lock.
        settings: text of settings.json, may hold secrets.
        shown: names of settings that are no secrets.
        uv: path of the uv program.
        web: template unit of the web process, without `@`, or empty.
        workers: template units without `@` that follow the web process.
        shares_socket: whether systemd holds one socket for the web processes of all releases, which on a reload look
            whether they serve; if not, each listens on its own, and the web server is led to `current/web.sock`.
        probe_socket: path of the release's own socket, `{release}` is replaced.
        probe_path: path asked for over HTTP; 200 means healthy.
        probe_timeout: seconds a release has to become healthy.
        drain_timeout: seconds the former web process has to finish its requests.
        keep: releases kept on disk.
    """

    kind: ClassVar[str] = "release"
    secrets: ClassVar[tuple[str, ...]] = ("settings", "requirements")
    service: str
    release: str
    bundle: str
    requirements: str
    settings: str
    uv: str
    shown: tuple[str, ...] = ()
    web: str = ""
    workers: tuple[str, ...] = ()
    shares_socket: bool = True
    probe_socket: str = ""
    probe_path: str = "/health"
    probe_timeout: int = 60
    drain_timeout: int = 60
    keep: int = 3

    def __post_init__(self) -> None:
        """Refuse names that could not be those of folders and units."""
        for name in filter(None, (self.service, self.release, self.bundle, self.web, *self.workers)):
            if "@" in plain_word(name) or "." in name:
                raise ValueError(f"{name!r} is no plain name")
        if self.probe_socket:
            absolute(self.probe_socket)
        elif not self.shares_socket:
            raise ValueError("a web process that shares no socket needs one of its own")

    @property
    def key(self) -> str:
        """The service's name."""
        return self.service

    def served(self) -> Served:
        """Return what is noted in the release's folder: all but the long and the secret."""
        noted = {field.name for field in fields(Served)} & {field.name for field in fields(self)}
        return Served(**{name: getattr(self, name) for name in noted})

    def units(self, run: Run) -> tuple[str, ...]:
        """Return the units of this and of the other releases on disk."""
        releases = [self.served(), *Home(run, self.service).others(self.served())]
        return tuple(unit for release in releases for unit in release.units)

    def environments(self, run: Run) -> tuple[venv.Venv]:
        """Return the one that its lock gives."""
        folder = Home(run, self.service).environment(self.requirements)
        return (venv.Venv(folder, self.requirements, run.path(self.uv)),)

    def compare(self, run: Run) -> list[Change]:
        """Compare what is built, what `current` points to, and what runs."""
        home = Home(run, self.service)
        current = home.current()
        changes = self._to_build(run, home, current)
        if current != self.release:
            changes.append(Change(f"switch {current or 'nothing'} → {self.release}"))
        elif self.service in run.journal.switches:
            changes.append(Change("finish an interrupted change-over"))
        changes += [Change(f"unit file {path.name}") for path in differing(run, home, self.release)]
        for unit in self.served().units:
            changes += [] if run.units.get(unit).running else [Change(f"start {unit}")]
            changes += [Change(f"enable {unit}")] if run.units.wants_enabling(unit) else []
        others = [unit for other in home.others(self.served()) for unit in other.units]
        changes += [Change(f"stop {unit}") for unit in others if run.units.get(unit).running]
        return changes + [Change(f"disable {unit}") for unit in others if run.units.enabled(unit)]

    def _to_build(self, run: Run, home: Home, current: str) -> list[Change]:
        if not home.folder(self.release).is_dir():
            return [Change(f"build {self.release}: {self._news(home, current)}")]
        thorough = self._doubtful(run, current)
        flaws = home.flaws(self.release, thorough=thorough)
        for environment in self.environments(run):
            flaws += [
                f"its environment: {flaw}" for flaw in venv.flaws(environment.folder, thorough=thorough)
            ]
        if not flaws:
            return []
        more = f" and {len(flaws) - _NAMED} more" if len(flaws) > _NAMED else ""
        return [Change(f"build {self.release} again: {', '.join(flaws[:_NAMED])}{more}")]

    def _doubtful(self, run: Run, current: str) -> bool:
        """Whether a look at each file is worth its time: what should run does not, or a run was killed over it."""
        if self.service in run.journal.switches:
            return True
        return current == self.release and not all(
            run.units.get(unit).running for unit in self.served().units
        )

    def _news(self, home: Home, current: str) -> str:
        """Say in what it differs from the release that serves; of settings that may be secret, only which do."""
        if not current or not home.built(current):
            return "the first release"
        news = []
        if home.read(current).bundle != self.bundle:
            news.append("code")
        if home.environment_of(current) != venv.address(self.requirements):
            news.append("dependencies")
        settings = _text(home.folder(current) / "settings.json")
        if settings != self.settings:
            news += settings_changes(settings, self.settings, self.shown)
        return ", ".join(news) or "units"

    def apply(self, run: Run) -> None:
        """Build it, again if it is damaged, and change over to it.

        Raises:
            NodeError: it is not healthy; the former release serves as before.
        """
        from ..releases.switch import Switch

        home = Home(run, self.service)
        renewed = self._build(run, thorough=self._doubtful(run, home.current()))
        try:
            Switch(run, self.served()).over(deployed=True, renewed=renewed)
        except NodeError as error:
            # What the signs of files did not show, their hashes may.
            if error.code != UNHEALTHY or not self._build(run, thorough=True):
                raise
            Switch(run, self.served()).over(deployed=True, renewed=True)
        # One that an earlier version made has no manifest yet: it has just proven healthy.
        for environment in self.environments(run):
            if not intact.noted(environment.folder):
                intact.note(environment.folder)

    def _build(self, run: Run, *, thorough: bool) -> bool:
        from ..releases.build import build

        (environment,) = self.environments(run)
        return build(run, self.served(), environment, settings=self.settings, thorough=thorough)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""
