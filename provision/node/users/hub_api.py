"""The hub is told of users who go."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ..errors import NodeError
from ..run import Run
from .places import SETTINGS

TOKEN = "users.token"  # noqa: S105  the name of its file, in that folder

_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


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
        status, said = _delete(str(settings["hub_itself"]), name, token.read_text().strip())
        if status in (0, 204, 404):
            return
        # 400: the server is starting or stopping just now.
        if status != 400 or time.monotonic() > deadline:
            raise NodeError(
                "hub-refused",
                f"the hub does not let go of {name}: it answers {status}",
                why=said,
                hint="on the node: journalctl -u jupyterhub -n 100; then run the same command again",
            )
        run.progress(f"the hub ends the server of {name}")
        time.sleep(_PAUSE_SECONDS)


def _settings(run: Run) -> Mapping[str, Any]:
    path = run.path(SETTINGS)
    found = json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _delete(hub: str, name: str, token: str) -> tuple[int, str]:
    """Ask the hub to delete a user; return its status, 0 if it does not answer, and what it says."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(hub).netloc, timeout=_SECONDS)
    try:
        connection.request("DELETE", f"/hub/api/users/{name}", headers={"Authorization": f"token {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read(1000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
