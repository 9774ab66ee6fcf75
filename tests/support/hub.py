"""A hub on a node, and its people."""

from __future__ import annotations

from scripts.checks.hub_user import User
from tests.support.fleet import Fleet

__all__ = ["HUB", "NODE", "User", "add_user"]

HUB = "jupyterhub: {hostname: hub}"
NODE = "hub"


def add_user(fleet: Fleet, node: str, name: str, password: str, *, admin: bool = False) -> None:
    """Make an account on a node, by the system's own programs."""
    groups = "hub-users,hub-admins" if admin else "hub-users"
    fleet.shell(
        node, f"id {name} 2>/dev/null || useradd -m -s /bin/bash -G {groups} {name}; chmod 700 /home/{name}"
    )
    fleet.ssh(node, "chpasswd", stdin=f"{name}:{password}\n")
