"""dashboard: what the class of a hub is doing, at `/services/dashboard/` of the hub's own site."""

from __future__ import annotations

import json
from pathlib import Path

from ..inventory.model import service_shapes
from ..inventory.services.dashboard import Dashboard
from ..node import start
from ..node.resources import File, Resource, Unit
from ..node.users.places import HOMES, RESERVED
from ..render import render
from ..secrets.model import newest, service_key
from ..steps.context import Context
from ..steps.released import Web, Worker, released
from ..steps.tunnel import Question
from ..steps.units import unit_files
from .jupyterhub import CONFIG, HUB_URL, MADE, SAVES_PORT
from .recipe import Place, Recipe

NAME = "dashboard"
_ADMIN = f"{NAME}-admin"
_SOCKET = f"/run/{_ADMIN}.sock"


def _steps(ctx: Context, _: Dashboard) -> list[Resource]:
    """Return its releases; its place on the web, and what users' servers tell it, is the hub's part."""
    hub = ctx.node.services.jupyterhub
    token = newest(ctx.keys.get(service_key(NAME), ()))
    settings = {
        "database": f"/var/lib/hub/{NAME}/{NAME}.sqlite",
        "hub_api": f"{HUB_URL}/hub/api",
        "fullness": HOMES,
        "below": hub is not None and hub.subdomains,
        "token": token.reveal() if token else "",
        "admin": _SOCKET,
    }
    return [
        *released(
            ctx,
            NAME,
            settings=json.dumps(settings, indent=2) + "\n",
            web=Web(template=f"systemd/{NAME}-web@.service"),
            workers=(Worker(template=f"systemd/{NAME}-worker@.service"),),
        ),
        *_admin(),
    ]


def _admin() -> list[Resource]:
    """Return what does as root what admins ask for on the pages: the engine that the operator's commands use."""
    unit = unit_files(
        _ADMIN,
        {
            f"{_ADMIN}.socket": render(f"systemd/{_ADMIN}.socket", socket=_SOCKET),
            f"{_ADMIN}@.service": render(f"systemd/{_ADMIN}@.service", config=CONFIG),
        },
    )
    return [
        File(RESERVED, json.dumps(sorted(service_shapes())) + "\n"),
        File(f"{CONFIG}/engine_start.py", MADE + Path(start.__file__).read_text()),
        File(f"{CONFIG}/admin.py", render(f"{NAME}/admin.py")),
        unit,
        Unit(f"{_ADMIN}.socket", restart_on=(unit.id,)),
    ]


_HEALTH = f"GET /services/{NAME}/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
RECIPE = Recipe(
    NAME,
    Dashboard,
    _steps,
    secrets=lambda _: (service_key(NAME),),
    places={NAME: Place(SAVES_PORT, Question(_HEALTH, "HTTP/1.1 200"))},
)
