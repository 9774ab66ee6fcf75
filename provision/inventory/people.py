"""Who the inventory says may use a hub: what they may be called, and who is named where."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ..errors import HubError, Position
from ..node.users.names import LONGEST_NAME, name_problem
from .draft import Draft, Keys, dotted, mistake
from .model import Fleet, service_shapes

SERVICE = "jupyterhub"
LISTS = ("admins", "users")
"""The keys of the service that name people."""


def name_trouble(name: str) -> str:
    """Return why a hub's user cannot be called so, or nothing."""
    if name in service_shapes():
        return "it is the name of a service, whose account it would be"
    return name_problem(name)


def nearest_name(name: str) -> str:
    """Return the nearest name that can be one, or nothing: of an e-mail address what comes before the @."""
    plain = unicodedata.normalize("NFKD", name.strip().partition("@")[0].replace("ß", "ss")).lower()
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in letters).split()
    found = "-".join(words).lstrip("0123456789-")[:LONGEST_NAME].rstrip("-")
    return "" if name_trouble(found) else found


def cure_for(name: str) -> str:
    """Return what to do about a name that nobody can have."""
    nearest = nearest_name(name)
    return f"did you mean `{nearest}`?" if nearest else "name them in another way"


def check_people(draft: Draft) -> Iterator[HubError]:
    """People are called as accounts can be, and each is named once: as an admin, or as none."""
    for _, keys, options in draft.services(SERVICE):
        first: dict[str, Position] = {}
        for where, name in _named(keys, options):
            place = draft.values.get(where, draft.values[keys])
            if why := name_trouble(name):
                message = f"`{dotted(where)}`: nobody can be called {name!r}"
                yield mistake("bad-name", message, place, why=why, hint=cure_for(name))
            elif name in first:
                yield mistake(
                    "named-twice",
                    f"`{dotted(where)}` names {name} a second time",
                    place,
                    why=f"the first is at {first[name]}",
                    hint="leave one of the two out; who is in `admins` need not be in `users`",
                )
            first.setdefault(name, place)


def _named(keys: Keys, options: dict[str, list[str]]) -> Iterator[tuple[Keys, str]]:
    for key in LISTS:
        for index, name in enumerate(options.get(key, [])):
            yield (*keys, key, index), name


def named(fleet: Fleet, node: str) -> dict[str, tuple[Keys, bool]]:
    """Return whom the inventory names as users of a node's hub: where, and whether as an admin."""
    service = fleet.nodes[node].services.jupyterhub
    if service is None:
        return {}
    options = {"admins": list(service.admins), "users": list(service.users)}
    places = _named(("nodes", node, "services", SERVICE), options)
    return {name: (keys, keys[-2] == "admins") for keys, name in places}
