"""notebook_api: the bundled notebook is alive, and keeps what is posted to its pin-board."""

from __future__ import annotations

import uuid

from .site import Failed, Hubctl, Site

QUESTION = "GET /heartbeat, and a round through /store"


def check(site: Site, _: Hubctl) -> str:
    """Return what came back of what was posted."""
    status, answer = site.ask("GET", "/heartbeat")
    if (status, answer) != (200, {"status": "alive"}):
        raise Failed(f"it is not alive: {status} {answer}")
    posted = {"word": uuid.uuid4().hex}
    status, answer = site.ask("POST", "/store", posted)
    if status != 200:
        raise Failed(f"nothing was kept: {status} {answer}")
    number = answer["database_id"]
    status, found = site.ask("GET", f"/store?after={number - 1}&limit=1")
    if (status, found) != (200, [{**posted, **answer}]):
        raise Failed(f"what was kept does not come back: {status} {found}")
    return f"alive, and number {number} came back as it was posted"
