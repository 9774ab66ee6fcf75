"""Read an inventory file: all its mistakes at once, or a `Fleet`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..errors import HubError, HubErrors, Position
from .check import check
from .draft import Keys, mistake
from .model import Fleet
from .source import compose, read_text, repeated_keys
from .walk import walk

Options = Mapping[Keys, str]
"""Values of the command line in the place of an inventory's own, by their path."""


def load(path: Path, options: Options | None = None) -> Fleet:
    """Return the fleet that a file describes, with options in the place of its values.

    Raises:
        HubErrors: every mistake of the file, in the order of their places.
    """
    file = str(path)
    try:
        text = read_text(path)
    except HubError as error:
        raise HubErrors([error]) from None
    return parse(text, file, options)


def parse(text: str, file: str, options: Options | None = None) -> Fleet:
    """Return the fleet that a text describes; `file` is the name that mistakes carry.

    Options are held to the same rules; a mistake of theirs carries the place where the value would stand.

    Raises:
        HubErrors: every mistake of the text, in the order of their places.
    """
    root = compose(text, file)
    if root is None:
        hint = (
            "begin with `fleet`, `domain`, `provider`, `operator` and `nodes`; "
            "`hubctl schema` tells all that there is"
        )
        raise HubErrors([mistake("not-a-mapping", "the inventory is empty", Position(file, 1, 1), hint=hint)])
    draft = walk(root, msgspec.inspect.type_info(Fleet), file)
    for keys, value in (options or {}).items():
        draft.put(keys, value)
    errors = [*repeated_keys(root, file), *draft.errors, *check(draft)]
    if errors:
        raise HubErrors(sorted(errors, key=_place))
    return _with_derived_tunnels(msgspec.convert(draft.data, Fleet))


def place_of(path: Path, keys: Keys) -> Position | None:
    """Return where a value stands in an inventory file, for a mistake that shows when it is used.

    None where it is not there any more.
    """
    with contextlib.suppress(HubError):
        root = compose(read_text(path), str(path))
        return walk(root, msgspec.inspect.type_info(Fleet), str(path)).values.get(keys) if root else None
    return None


def _with_derived_tunnels(fleet: Fleet) -> Fleet:
    """Return the fleet with the tunnels that follow from its services."""
    derived = {
        name: tunnel
        for node, parts in fleet.nodes.items()
        for service in parts.services.present().values()
        for name, tunnel in service.tunnels(node).items()
    }
    return msgspec.structs.replace(fleet, tunnels={**fleet.tunnels, **derived})


def _place(error: HubError) -> tuple[int, int]:
    return (error.where.line, error.where.column) if error.where else (0, 0)
