"""What a step may know: the inventory and what was prepared for it. Steps themselves do no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..bundles import Bundle, lock
from ..inventory.model import Fleet, Node
from ..secrets.model import Generations


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
        bundle: what is released of a service, by its name.
        keys: the secrets that the node needs, by name.
        locations: where the nodes at the other ends are; those not created yet are missing.
        lock: the text of one of the runtime's locks, by its file's name.
        packages: the lock of what the users of its hub have besides, by the inventory or `hubctl packages`.
        course: a tar of the hub's materials that are folders beside the inventory.
        notebook: the text of the notebook that its notebook_api serves; nothing where that is a bundled one.
    """

    fleet: Fleet
    name: str
    node: Node
    acme_directory: str
    bundle: Callable[[str], Bundle]
    keys: Mapping[str, Generations] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
    lock: Callable[[str], str] = lock
    packages: str = ""
    course: bytes = field(default=b"", repr=False)
    notebook: str = ""
