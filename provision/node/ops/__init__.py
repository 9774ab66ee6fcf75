"""What the engine can be asked to do, one file each."""

from __future__ import annotations

from importlib import import_module
from typing import Callable

from ..errors import NodeError
from ..request import Request

_MODULES = {
    "ask": "ask",
    "authorize": "authorize",
    "converge": "converge",
    "history": "history",
    "lock-release": "locking",
    "lock-status": "locking",
    "materials-pull": "materials",
    "materials-push": "materials",
    "packages-add": "added",
    "packages-list": "added",
    "packages-remove": "added",
    "packages-resolve": "packages",
    "ready": "ready",
    "releases": "releases",
    "restart": "restart",
    "rollback": "rollback",
    "seal": "seal",
    "status": "status",
    "users-add": "users",
    "users-admin": "users",
    "users-list": "users",
    "users-password": "users",
    "users-remove": "users",
}

Op = Callable[[Request], int]


def find(name: object) -> Op:
    """Return the operation of that name: the function of the same name in its module, which returns an exit status.

    Raises:
        NodeError: there is none.
    """
    if not isinstance(name, str) or name not in _MODULES:
        raise NodeError(
            "bad-manifest", f"there is no operation {name!r}", hint=f"known: {', '.join(_MODULES)}"
        )
    op: Op = getattr(import_module(f".{_MODULES[name]}", __name__), name.replace("-", "_"))
    return op
