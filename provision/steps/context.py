"""What a step may know: the inventory and what was prepared for it. Steps themselves do no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..inventory.model import Fleet, Node
from ..secrets.model import Generations


@dataclass(frozen=True)
class Bundle:
    """The packed runtime: sha256 of the tar, and the text of its hash-pinned lock."""

    sha256: str
    requirements: str


@dataclass(frozen=True)
class Location:
    """Where a node is: the address or name it is called by, and the IP addresses it calls from."""

    address: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Context:
    """One node of the fleet, and the facts its steps need.

    Args:
        fleet: the whole inventory.
        name: the node's name in it.
        node: the node.
        acme_directory: URL of the ACME directory, resolved from `acme.server`.
        bundle: the runtime to be released.
        keys: the secrets that the node needs, by name.
        locations: where the nodes at the other ends are; those not created yet are missing.
    """

    fleet: Fleet
    name: str
    node: Node
    acme_directory: str
    bundle: Bundle
    keys: Mapping[str, Generations] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
