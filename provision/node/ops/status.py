"""status: how the node is."""

from __future__ import annotations

import os
import time
from dataclasses import asdict

from .. import audit
from ..lock import Lock
from ..releases.home import homes
from ..request import Request
from ..run import Run
from ..users.hub import room
from ..x509 import read_certificate
from .answer import answer
from .ask import call_of, once
from .processes import processes

_DAY = 86_400


def status(request: Request) -> int:
    """Answer with how the node is, and how each service that the request names in `services` answers (see `ask`)."""
    run = request.run(apply=False)
    certificates = _certificates(run)
    return answer(
        request,
        {
            "processes": _processes(run),
            "services": _services(request),
            "releases": {home.service: home.current() for home in homes(run)},
            "certificates": certificates,
            "down": _down(run),
            "missing": [name for name in _wanted(run, "certificate") if name not in certificates],
            "disk": _disk(run),
            "room": room(run),
            "load": list(os.getloadavg()),
            "lock": Lock(request.system).holder(),
            "pending": sorted(run.journal.pending),
            "last": next(reversed(audit.read(run.state, 1)), None),
        },
    )


def _processes(run: Run) -> list[dict[str, object]]:
    """Return the state of the services of the last plan and of the releases that serve."""
    names = {unit: name for name, unit in processes(run).items()}
    return [
        {
            "name": names[state.name],
            "unit": state.name,
            "active": state.active,
            "sub": state.sub,
            "pid": state.pid,
            "uptime": round(time.monotonic() - state.since) if state.running else 0,
            "restarts": state.restarts,
        }
        for state in run.units.now(*names)
    ]


def _down(run: Run) -> list[str]:
    """Describe the units of the last plan, and of the releases that serve, that are not up."""
    names = dict.fromkeys([*_wanted(run, "unit"), *processes(run).values()])
    return [state.describe() for state in run.units.now(*names) if not state.running]


def _wanted(run: Run, kind: str) -> list[str]:
    """Return the names of the last plan's resources of a kind, but for units that shall not run."""
    resources = audit.last_plan(run.state).get("resources", [])
    return [each["name"] for each in resources if each["kind"] == kind and each.get("running", True)]


def _services(request: Request) -> dict[str, object]:
    """Ask each service named in the request how it is, on this node."""
    asked = request.manifest.get("services")
    return {
        name: asdict(once(call_of(call))) for name, call in (asked if isinstance(asked, dict) else {}).items()
    }


def _certificates(run: Run) -> dict[str, float]:
    folder = run.path("/etc/letsencrypt/live")
    found = {
        path.name: read_certificate(path / "fullchain.pem")
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if path.is_dir()
    }
    return {name: round((each.ends - time.time()) / _DAY, 1) for name, each in found.items() if each}


def _disk(run: Run) -> dict[str, int]:
    """Return the size and the free space of the root file system in bytes."""
    found = os.statvfs(run.path("/"))
    return {"size": found.f_blocks * found.f_frsize, "free": found.f_bavail * found.f_frsize}
