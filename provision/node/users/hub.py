"""What the hub itself knows of its users."""

from __future__ import annotations

from ..run import Run

_DATABASE = "/var/lib/hub/jupyterhub/jupyterhub.sqlite"


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
