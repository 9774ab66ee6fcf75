"""The hub is told of users who go, and asked who somebody is."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ..errors import NodeError
from ..run import Run
from .places import SETTINGS

TOKEN = "users.token"  # noqa: S105  the name of its file, in that folder

_SERVICE = "dashboard"
_SECONDS = 60.0
_PAUSE_SECONDS = 0.5
_MOST_BYTES = 100_000


def forget(run: Run, name: str) -> None:
    """Have the hub end a user's server and forget its sessions and tokens: they would open those of a namesake.

    A hub that is down is not waited for: when it starts, it forgets whoever has no account.

    Raises:
        NodeError: it refuses.
    """
    settings = _settings(run)
    token = run.path(f"{settings.get('state', '')}/{TOKEN}")
    if not token.is_file():
        return
    deadline = time.monotonic() + _SECONDS
    while True:
        mine = token.read_text().strip()
        status, said = _ask(str(settings["hub_itself"]), "DELETE", f"/hub/api/users/{name}", mine)
        if status in (0, 204, 404):
            return
        # 400: the server is starting or stopping just now.
        if status != 400 or time.monotonic() > deadline:
            raise NodeError(
                "hub-refused",
                f"the hub does not let go of {name}: it answers {status}",
                why=said[:1000],
                hint="on the node: journalctl -u jupyterhub -n 100; then run the same command again",
            )
        run.progress(f"the hub ends the server of {name}")
        time.sleep(_PAUSE_SECONDS)


def admin(run: Run, token: str) -> str:
    """Return the admin of the hub whose token this is.

    Raises:
        NodeError: it is nobody's, or theirs who is no admin, or not one for the dashboard; or the hub does not answer.
    """
    settings = _settings(run)
    status, said = _ask(str(settings.get("hub", "")), "GET", "/hub/api/user", token)
    if not status or status >= 500:
        raise NodeError("hub-away", "nothing was done: the hub does not answer", why=said)
    try:
        owner = json.loads(said) if status == 200 else {}
        scopes = {*owner.get("scopes", ())}
        enters = bool(scopes & {"access:services", f"access:services!service={_SERVICE}"})
        if owner.get("kind") == "user" and owner.get("admin") is True and enters:
            return str(owner["name"])
    except (ValueError, TypeError, AttributeError, KeyError):
        pass
    raise NodeError("not-an-admin", "nothing was done: only admins of the hub may ask for this")


def _settings(run: Run) -> Mapping[str, Any]:
    path = run.path(SETTINGS)
    found = json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _ask(hub: str, method: str, path: str, token: str) -> tuple[int, str]:
    """Ask the hub for something; return its status, 0 if it does not answer, and what it says."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(hub).netloc, timeout=_SECONDS)
    try:
        connection.request(method, path, headers={"Authorization": f"token {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
