"""Each release keeps the unit files it was proven with: a later change of the templates, or a reboot, cannot touch it.

A file with an instance's full name comes before the template of that name (systemd.unit(5)).
"""

from __future__ import annotations

from pathlib import Path

from ..files import remove, write_file
from ..run import Run
from ..systemd import SYSTEM
from .home import Home
from .served import Served

_FOLDER = "units"


def freeze(run: Run, release: Served, folder: Path) -> None:
    """Copy the templates of a release's services, and of the sockets named after it, into its folder."""
    system = run.path(SYSTEM)
    templates = [system / f"{name}@.service" for name in (release.web, *release.workers) if name]
    templates += sorted(system.glob(f"{release.service}-*@.socket"))
    (folder / _FOLDER).mkdir()
    for template in templates:
        if template.is_file():
            name = template.name.replace("@.", f"@{release.release}.")
            write_file(folder / _FOLDER / name, template.read_bytes(), 0o644)


def differing(run: Run, home: Home, release: str) -> list[Path]:
    """Return the unit files of a release that systemd does not have as they are in its folder."""
    return [
        path
        for path in _frozen(home, release)
        if _read(run.path(f"{SYSTEM}/{path.name}")) != path.read_bytes()
    ]


def _frozen(home: Home, release: str) -> list[Path]:
    folder = home.folder(release) / _FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def install(run: Run, home: Home, release: str) -> None:
    """Give systemd a release's unit files."""
    missing = differing(run, home, release)
    if missing:
        run.journal.intend_daemon_reload()
        for path in missing:
            write_file(run.path(f"{SYSTEM}/{path.name}"), path.read_bytes(), 0o644)


def uninstall(run: Run, release: Served) -> None:
    """Take a release's unit files away from systemd, those of its sockets too."""
    names = {release.service, *(unit.partition("@")[0] for unit in release.units)}
    for path in sorted(run.path(SYSTEM).glob(f"*@{release.release}.*")):
        name = path.name.partition("@")[0]
        if path.is_file() and (name in names or name.startswith(f"{release.service}-")):
            remove(path)
            run.units.links_changed = True
