"""What the hub itself knows of its users."""

from __future__ import annotations

import re
import time

from ..run import Run
from .places import SLICE, STATE

_ACTIVE_SECONDS = 300
_DATABASE = f"{STATE}/jupyterhub.sqlite"


def last_seen(run: Run) -> dict[str, str]:
    """Return when users were last active, UTC in ISO 8601; of those who never were, nothing."""
    path = run.path(_DATABASE)
    if not path.is_file():
        return {}
    import sqlite3

    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            rows = database.execute("SELECT name, last_activity FROM users WHERE last_activity IS NOT NULL")
            return {str(name): f"{str(when)[:19].replace(' ', 'T')}Z" for name, when in rows}
        finally:
            database.close()
    except sqlite3.Error:
        return {}  # it is being made, or of another version: the list says what it can


def room(run: Run) -> dict[str, int | None] | None:
    """Return how many servers run, how many users were active in the last minutes, and the memory of all servers.

    None where there is no hub.
    """
    if not run.path(_DATABASE).is_file():
        return None
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - _ACTIVE_SECONDS))
    ask = ["systemctl", "show", "--property=Id,ActiveState,MemoryCurrent", "--", SLICE, "jupyter-*.service"]
    units = [_properties(block) for block in run.system.run(ask, timeout=30).output.split("\n\n")]
    memory = next((unit.get("MemoryCurrent", "") for unit in units if unit.get("Id") == SLICE), "")
    return {
        "servers": sum(unit.get("ActiveState") == "active" for unit in units if unit.get("Id") != SLICE),
        "active": sum(seen >= since for seen in last_seen(run).values()),
        "memory": int(memory) if re.fullmatch(r"[0-9]{1,18}", memory) else None,
    }


def _properties(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
