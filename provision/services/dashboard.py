"""dashboard: what the class of a hub is doing, at `/services/dashboard/` of the hub's own site."""

from __future__ import annotations

import json

from ..inventory.services.dashboard import Dashboard
from ..node.resources import Resource
from ..node.users.places import HOMES
from ..secrets.model import newest, service_key
from ..steps.context import Context
from ..steps.released import Web, Worker, released
from ..steps.tunnel import Question
from .jupyterhub import HUB_URL, SAVES_PORT
from .recipe import Place, Recipe

NAME = "dashboard"


def _steps(ctx: Context, _: Dashboard) -> list[Resource]:
    """Return its releases; its place on the web, and what users' servers tell it, is the hub's part."""
    token = newest(ctx.keys.get(service_key(NAME), ()))
    settings = {
        "database": f"/var/lib/hub/{NAME}/{NAME}.sqlite",
        "hub_api": f"{HUB_URL}/hub/api",
        "fullness": HOMES,
        "token": token.reveal() if token else "",
    }
    return released(
        ctx,
        NAME,
        settings=json.dumps(settings, indent=2) + "\n",
        web=Web(template=f"systemd/{NAME}-web@.service"),
        workers=(Worker(template=f"systemd/{NAME}-worker@.service"),),
    )


_HEALTH = f"GET /services/{NAME}/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
RECIPE = Recipe(
    NAME,
    Dashboard,
    _steps,
    secrets=lambda _: (service_key(NAME),),
    places={NAME: Place(SAVES_PORT, Question(_HEALTH, "HTTP/1.1 200"))},
)
