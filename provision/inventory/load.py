"""Read an inventory file: all its mistakes at once, or a `Fleet`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..errors import HubError, HubErrors, Position
from .check import check
from .draft import mistake
from .model import Fleet
from .source import compose, read_text, repeated_keys
from .walk import walk


def load(path: Path) -> Fleet:
    """Return the fleet that a file describes.

    Raises:
        HubErrors: every mistake of the file, in the order of their places.
    """
    file = str(path)
    try:
        text = read_text(path)
    except HubError as error:
        raise HubErrors([error]) from None
    return parse(text, file)


def parse(text: str, file: str) -> Fleet:
    """Return the fleet that a text describes; `file` is the name that mistakes carry.

    Raises:
        HubErrors: every mistake of the text, in the order of their places.
    """
    root = compose(text, file)
    if root is None:
        hint = "docs/reference/inventory.md shows a whole one"
        raise HubErrors([mistake("not-a-mapping", "the inventory is empty", Position(file, 1, 1), hint=hint)])
    draft = walk(root, msgspec.inspect.type_info(Fleet), file)
    errors = [*repeated_keys(root, file), *draft.errors, *check(draft)]
    if errors:
        raise HubErrors(sorted(errors, key=_place))
    return _with_derived_tunnels(msgspec.convert(draft.data, Fleet))


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
