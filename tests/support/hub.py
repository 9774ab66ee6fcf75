"""A hub on a node, and its people."""

from __future__ import annotations

from scripts.checks.hub_user import User
from tests.support.fleet import Fleet

__all__ = ["HUB", "NODE", "User", "add_user"]

HUB = "jupyterhub: {hostname: hub}"
NODE = "hub"


def add_user(fleet: Fleet, node: str, name: str, password: str, *, admin: bool = False) -> None:
    """Have a user on a node, with this password."""
    file = fleet.folder / f"{name}.csv"
    file.write_text(f"{name},,{'yes' if admin else 'no'}\n")
    fleet.done("users", "import", str(file), "--node", node)
    fleet.ssh(node, "chpasswd", stdin=f"{name}:{password}\n")
