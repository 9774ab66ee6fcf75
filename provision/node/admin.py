"""What an admin of the hub asks for in the browser, done by the operations that the operator's commands use.

One frame of JSON in: `do`, the names that it is about, and the hub's `token` of who asks. The hub itself is asked whose
that is: whoever carries the request can do nothing of their own. Events out; `passwords` has those that were made.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Callable

from . import audit
from .errors import NodeError
from .main import answered
from .ops import find
from .peer import Peer
from .records import dataclass
from .request import Request
from .resources import HubUsers
from .system import System
from .users import accounts, hub_api
from .users.places import RESERVED
from .users.spoken import spoken

MOST_BYTES = 64_000
MOST_NAMES = 100
LOCK_SECONDS = 60
_LONGEST = 200
"""Characters of a name or requirement; the operations say what is wrong with shorter ones."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks for: which action, and the names that it is about."""

    do: str
    names: tuple[str, ...]
    token: str


def main(system: System | None = None) -> int:
    """Do what an admin asks for; return the exit status.

    Args:
        system: the machine, where it is not this one.
    """
    return answered(lambda peer: _serve(system or System(), peer))


def _serve(system: System, peer: Peer) -> int:
    asked = read(peer.receive(MOST_BYTES))
    manifest: dict[str, Any] = {"op": asked.do, "lock_wait": LOCK_SECONDS}
    request = Request(system, peer, manifest, time.time())
    who = hub_api.admin(request.run(apply=False), asked.token)
    manifest["run"] = _caller(who, asked)
    manifest.update(ACTIONS[asked.do](request, asked.names))
    return find(asked.do)(request)


def read(text: bytes) -> Asked:
    """Read a request.

    Raises:
        NodeError: it is none, or asks for what nobody may ask for here.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found.keys() <= {"do", "names", "token"}:
        raise _bad("it is not of the form")
    do, names, token = found.get("do"), found.get("names", []), found.get("token")
    if not isinstance(do, str) or do not in ACTIONS:
        raise _bad("this cannot be asked for here")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise _bad("it does not say who asks")
    if not isinstance(names, list) or not all(map(_is_word, names)):
        raise _bad("it does not name what it is about")
    if len(names) > MOST_NAMES:
        raise _bad(f"it names {len(names)}, and may name {MOST_NAMES} at a time")
    return Asked(do, tuple(dict.fromkeys(names)), token)


def _is_word(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable()


def _bad(why: str) -> NodeError:
    return NodeError("bad-request", "nothing was done: the request cannot be taken", why=why)


def _caller(who: str, asked: Asked) -> dict[str, object]:
    """Return what the node's lock and its history say of who asks; there is no password in it."""
    return {
        "id": str(uuid.uuid4()),
        "who": f"{who} (admin of the hub)",
        "from": "dashboard",
        "command": f"{asked.do.replace('-', ' ', 1)} {' '.join(asked.names)}".strip(),
        "started": audit.now(),
    }


def _listed(_: Request, _names: tuple[str, ...]) -> Mapping[str, Any]:
    return {"sizes": True}


def _added(request: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    _no_admins(request, names)  # the account of one may be there without a password
    reserved = _reserved(request.run(apply=False))
    if taken := sorted(reserved.intersection(names)):
        why = "\n".join(f"{name}: is the name of a service, whose account it would be" for name in taken)
        raise NodeError("bad-user", "no user was made", why=why)
    return {"users": _with_passwords(request, names), "new": True}


def _renewed(request: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    _no_admins(request, names)
    return {"users": _with_passwords(request, names)}


def _wanted(_: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    return {"asked": list(names)}


def _unwanted(_: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    return {"names": list(names)}


def _removed(request: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    _no_admins(request, names)
    _not_of_the_inventory(request, names)
    return {"names": list(names)}


Action = Callable[[Request, "tuple[str, ...]"], Mapping[str, Any]]
ACTIONS: Mapping[str, Action] = {
    "users-list": _listed,
    "users-add": _added,
    "users-password": _renewed,
    "users-remove": _removed,
    "packages-list": _unwanted,
    "packages-add": _wanted,
    "packages-remove": _unwanted,
}
"""What can be asked for here, and what the operation of that name is told: who is an admin is the operator's to say."""


def _with_passwords(request: Request, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Make passwords and tell them to who asks, before any is set: whatever is interrupted, none is unknown."""
    passwords = {name: spoken() for name in names}
    request.peer.emit("passwords", passwords=passwords)
    return [{"name": name, "password": word} for name, word in passwords.items()]


def _no_admins(request: Request, names: tuple[str, ...]) -> None:
    members = accounts.members(request.run(apply=False))
    if admins := [name for name in names if members.get(name)]:
        raise NodeError(
            "is-admin",
            f"{', '.join(admins)} looks after others: nothing was changed",
            why="who is an admin of the hub is removed, and gets a new password, on the operator's computer alone",
        )


def _not_of_the_inventory(request: Request, names: tuple[str, ...]) -> None:
    plan = audit.last_plan(request.run(apply=False).state).get("resources", [])
    wanted = {name for each in plan if each.get("kind") == HubUsers.kind for name in each.get("users", [])}
    if there := sorted(wanted.intersection(names)):
        raise NodeError(
            "in-inventory",
            f"{', '.join(there)} is in the operator's inventory: nothing was changed",
            why="the next deploy would make the account again; the operator takes the name out there",
        )


def _reserved(run: Any) -> set[str]:
    path = run.path(RESERVED)
    return set(json.loads(path.read_bytes())) if path.is_file() else set()
