"""An inventory before it is known to be whole: what is valid of it, where things are, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import Exit, HubError, Position

Keys = tuple[str | int, ...]
Place = dict[Keys, Position]


@dataclass
class Draft:
    """What is valid of an inventory, and where things are.

    Args:
        data: nested dicts and lists of valid values; what is wrong or absent is left out, a list with what is in it.
        keys: position of each key, by its path.
        values: position of each value, by its path.
        errors: the mistakes.
    """

    data: dict[str, Any] = field(default_factory=dict)
    keys: Place = field(default_factory=dict)
    values: Place = field(default_factory=dict)
    errors: list[HubError] = field(default_factory=list)

    def put(self, keys: Keys, value: object) -> None:
        """Put a value in the place of the one at a path; its parent is there."""
        parent: Any = self.data
        for key in keys[:-1]:
            parent = parent[key]
        parent[keys[-1]] = value
        self.values.setdefault(keys, self.keys.get(keys[:-1], self.values[()]))

    def nodes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the nodes by name."""
        yield from self.data.get("nodes", {}).items()

    def services(self, name: str) -> Iterator[tuple[str, Keys, dict[str, Any]]]:
        """Yield the services of one name: the node, the service's path, and what is given."""
        for node, parts in self.nodes():
            if name in parts.get("services", {}):
                yield node, ("nodes", node, "services", name), parts["services"][name]

    def tunnels(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the tunnels by name."""
        yield from self.data.get("tunnels", {}).items()


def mistake(code: str, message: str, where: Position, *, why: str = "", hint: str = "") -> HubError:
    """Return a mistake of an inventory; its exit code is `Exit.INVENTORY`."""
    return HubError(code, message, why=why, hint=hint, where=where, exit_code=Exit.INVENTORY)


def dotted(keys: Keys) -> str:
    """Write a path as people do: `nodes.apis.services`, `cors_origins[0]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "the inventory"
