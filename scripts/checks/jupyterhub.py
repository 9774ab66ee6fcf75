"""jupyterhub: somebody who is let in runs a cell in a kernel of their own, and the dashboard sees what they save."""

from __future__ import annotations

import json
import secrets
import time

import requests
from websockets.exceptions import WebSocketException

from .hub_user import User
from .site import SECONDS, Failed, Hubctl, Site

QUESTION = "5*4 in a kernel, and the save on the dashboard"
_NAME = "demo"


def check(site: Site, hubctl: Hubctl) -> str:
    """Return what the kernel answered to a user who was let in just now."""
    password = secrets.token_urlsafe(12)
    listed = map(json.loads, hubctl("users", "list", "--json").splitlines())
    known = any(event["event"] == "user" and event["name"] == _NAME for event in listed)
    hubctl("users", "passwd" if known else "add", _NAME, "--password-stdin", stdin=f"{password}\n")
    user = User(site, _NAME, password)
    try:
        if not user.log_in().ok:
            raise Failed(f"{_NAME} cannot log in")
        user.start()
        said = user.run(user.kernel(), "5*4")
        user.save("demo.ipynb", "5*4")
        seen = _seen(user)
    except (AssertionError, OSError, requests.RequestException, WebSocketException) as error:
        raise Failed(f"the server of {_NAME}: {error}") from error
    if said != "20":
        raise Failed(f"5*4 is 20, not {said}")
    if not seen:
        raise Failed("the dashboard does not know of the notebook that was saved")
    return f"{said}, asked by {_NAME}, whose save is on the dashboard"


def _seen(user: User) -> bool:
    """Whether the save is among the dashboard's events before long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        path = "/services/dashboard/events?filename=demo.ipynb"
        if user.ask("GET", path, headers=user.headers).json():
            return True
        time.sleep(0.2)
    return False
