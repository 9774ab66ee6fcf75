"""releases: what is installed of each service."""

from __future__ import annotations

from ..releases.home import Home, homes
from ..request import Request
from .answer import answer


def releases(request: Request) -> int:
    """Answer with the releases of all services, each service's in the order of their last deploy.

    `current` marks the one that serves, `previous` the one that rollback goes to; one that is not `healthy` never was.
    """
    run = request.run(apply=False)
    return answer(request, {"releases": [item for home in homes(run) for item in _of(home)]})


def _of(home: Home) -> list[dict[str, object]]:
    order = [name for name in home.order() if home.built(name)]
    names = [*order, *(name for name in home.all() if name not in order)]
    return [
        {
            "service": home.service,
            "release": name,
            "made": home.read(name).built,
            "bundle": home.read(name).bundle,
            "current": name == home.current(),
            "previous": name == home.previous(),
            "healthy": name in order,
        }
        for name in names
    ]
