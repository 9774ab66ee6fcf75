"""The packages that the inventory names for the users of a hub, in a list or a requirements file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Exit, HubError, HubErrors, Position
from ..inventory.draft import Keys
from ..inventory.load import place_of
from ..inventory.packages import read_unchecked, requirement
from ..inventory.people import SERVICE
from ..inventory.services.jupyterhub import JupyterHub
from ..node.locks import SPECIFIER, by_name, name_of
from ..reading import expanded, read_regular
from .fleet import LoadedFleet

_Named = tuple[str, Keys | Position]
"""A requirement, and where it stands: a path in the inventory, or a line of the file."""


def unresolved(loaded: LoadedFleet, node: str) -> bool:
    """Whether the inventory names other packages than those that were resolved last.

    Raises:
        HubErrors: it names what cannot be asked for.
    """
    return wanted(loaded, node) != read_unchecked(loaded.path, node).base


def wanted(loaded: LoadedFleet, node: str) -> tuple[str, ...]:
    """Return the packages that the inventory names for a node's hub, as requirements without spaces.

    Raises:
        HubErrors: it names what cannot be asked for.
    """
    named = _named(loaded, node)
    if len(by_name(text for text, _ in named)) < len(named):
        raise HubErrors(_twice(loaded, named))
    return tuple(sorted(text for text, _ in named))


def see_they_can_be_asked_for(loaded: LoadedFleet, node: str) -> None:
    """See that what has the form of requirements is such.

    Raises:
        HubErrors: something is none.
    """
    wrong = []
    for text, where in _named(loaded, node):
        try:
            requirement(text)
        except ValueError as error:
            wrong.append(_mistake("bad-package", str(error), _place(loaded, where)))
    if wrong:
        raise HubErrors(wrong)


def place_of_package(loaded: LoadedFleet, node: str, name: str) -> Position | None:
    """Return where the inventory or its file names a package."""
    found = (where for text, where in _named(loaded, node) if name_of(text) == name)
    return next((_place(loaded, where) for where in found), None)


def _named(loaded: LoadedFleet, node: str) -> list[_Named]:
    service = loaded.fleet.nodes[node].services.jupyterhub
    if service is None:
        return []
    keys: Keys = ("nodes", node, "services", SERVICE)
    listed = [
        (text.replace(" ", ""), (*keys, "packages", index)) for index, text in enumerate(service.packages)
    ]
    return [*listed, *_of_file(loaded, service, (*keys, "requirements"))]


def _of_file(loaded: LoadedFleet, service: JupyterHub, keys: Keys) -> list[_Named]:
    """Return what the requirements file names: a requirement a line, and comments.

    Raises:
        HubErrors: it cannot be read, or has other lines.
    """
    if service.requirements is None:
        return []
    path = loaded.path.parent / expanded(service.requirements)
    try:
        text = read_regular(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8"
        message = f"the requirements file {path} cannot be read"
        place, hint = place_of(loaded.path, keys), "its path is relative to the inventory's folder"
        raise HubErrors([_mistake("requirements-missing", message, place, why, hint)]) from None
    found: list[_Named] = []
    wrong = []
    for number, line in _lines(text):
        where = Position(str(path), number, 1)
        if re.fullmatch(SPECIFIER, line):
            found.append((line.replace(" ", ""), where))
        else:
            wrong.append(_mistake("bad-package", f"{line!r} cannot be asked for", where))
    if wrong:
        raise HubErrors(wrong)
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are no comments, without those at their ends, and their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if plain := re.sub(r"(^|\s)#.*", "", line).strip():
            yield number, plain


def _twice(loaded: LoadedFleet, named: list[_Named]) -> Iterator[HubError]:
    first: dict[str, Position | None] = {}
    for text, where in named:
        place = _place(loaded, where)
        if (name := name_of(text)) in first:
            what = f"{name} is named a second time"
            yield _mistake(
                "named-twice", what, place, f"the first is at {first[name]}", "leave one of the two out"
            )
        first.setdefault(name, place)


def _place(loaded: LoadedFleet, where: Keys | Position) -> Position | None:
    return where if isinstance(where, Position) else place_of(loaded.path, where)


_HINT = "a name of the package index, perhaps extras and versions: pandas[excel]>=2,<4"


def _mistake(code: str, message: str, where: Position | None, why: str = "", hint: str = _HINT) -> HubError:
    return HubError(code, message, why=why, hint=hint, exit_code=Exit.INVENTORY, where=where)
