"""For users' servers: tells the dashboard of their start and of every save. Needs nothing but Python's own library.

In `jupyter_server_config.py`, with this file where Python finds it::

    c.FileContentsManager.post_save_hook = hook.saved
    hook.started()

The save is answered at once: what is to be told waits in memory, one line for each notebook, and a thread sends
it. It goes on trying while the dashboard is away. Nothing that goes wrong here reaches the save.

Environment: `HUB_EVENTS` is the address of the dashboard's `events`; `JUPYTERHUB_USER` and
`JUPYTERHUB_API_TOKEN` are the hub's.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import threading
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MOST = 200
"""Notebooks that wait to be told of; the one that waited longest goes."""
SECONDS = 5.0
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds until the next try; the last one from then on."""
_log = logging.getLogger(__name__)


class Teller:
    """Sends events in a thread of its own, which begins with the first."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        # Proxies in the environment are for the users' own programs.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._waiting: dict[str, dict[str, str]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def tell(self, event: dict[str, str]) -> None:
        """Take an event, and return; one of the same path that still waits is replaced."""
        with self._changed:
            self._waiting.pop(event["path"], None)
            self._waiting[event["path"]] = event
            if len(self._waiting) > MOST:
                del self._waiting[next(iter(self._waiting))]
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hub-events", daemon=True)
                self._thread.start()
            self._changed.notify()

    def last_words(self) -> None:
        """Try once more to send what waits: the server ends."""
        with self._changed:
            waiting = list(self._waiting.values())
        for event in waiting:
            if not self._send(event):
                return

    def _run(self) -> None:
        failed = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                event = next(iter(self._waiting.values()))
            if self._send(event):
                failed = 0
                with self._changed:
                    if self._waiting.get(event["path"]) is event:
                        del self._waiting[event["path"]]
                continue
            pause = PAUSES[min(failed, len(PAUSES) - 1)]
            failed += 1
            threading.Event().wait(pause)

    def _send(self, event: dict[str, str]) -> bool:
        """Whether there is nothing left to do about an event: it was taken, or refused for good."""
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        try:
            request = urllib.request.Request(self._address, json.dumps(event).encode(), headers)  # noqa: S310
            with self._opener.open(request, timeout=SECONDS):
                return True
        except urllib.error.HTTPError as error:
            _log.warning("The dashboard refused a save of %s: %s", event["filename"], error)
            return error.code < 500 and error.code not in (408, 429)
        except Exception as error:  # noqa: BLE001 - whatever it is, the notebook is saved
            _log.debug("The dashboard is away: %s", error)
            return False


def started() -> None:
    """Tell that a server started: its user is there, before anything is saved."""
    try:
        if user := os.environ.get("JUPYTERHUB_USER"):
            _tell("start-server", user, Path.home(), Path.home())
    except Exception:  # noqa: BLE001 - a server starts without this
        _log.debug("The start is not told", exc_info=True)


def saved(model: dict[str, Any], os_path: str, **_: Any) -> None:
    """Tell of a saved notebook; Jupyter calls this after each save."""
    try:
        user = os.environ.get("JUPYTERHUB_USER")
        if model.get("type") == "notebook" and user:
            _tell("save-notebook", user, Path.home(), Path(os_path).absolute())
    except Exception:  # noqa: BLE001 - a save never fails for this
        _log.debug("The save is not told", exc_info=True)


def _tell(kind: str, user: str, home: Path, path: Path) -> None:
    if not os.environ.get("HUB_EVENTS"):
        return
    event = {
        "type": kind,
        "user": user,
        "filename": path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name,
        "path": str(path),
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }
    teller().tell(event)


@functools.cache
def teller() -> Teller:
    """Return this server's one teller, which also has a last word when the server ends."""
    made = Teller(os.environ["HUB_EVENTS"], os.environ.get("JUPYTERHUB_API_TOKEN", ""))
    atexit.register(made.last_words)
    return made
