"""What a service is to a node: one typed recipe each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..inventory.model import Node
from ..inventory.services.service import Service
from ..node.resources import Resource
from ..steps.context import Context
from ..steps.tunnel import Question, TunnelTarget

S = TypeVar("S", bound=Service)


def nothing(_: Context) -> list[Resource]:
    """Return no resources."""
    return []


def no_secrets(_: Service) -> Sequence[str]:
    """Return no names."""
    return ()


@dataclass(frozen=True)
class Place:
    """Where a part of a service is asked how it is, which no tunnel leads to: a TCP port of the node's loopback."""

    port: int
    question: Question


@dataclass(frozen=True)
class Recipe(Generic[S]):
    """A service, from the inventory's words to a node's resources.

    Args:
        name: the service's name, everywhere the same.
        shape: what the inventory says of it.
        steps: the resources of a node that has it.
        elsewhere: the resources that other nodes have for it, such as workers; called for nodes that lack it.
        secrets: names of the secrets that it needs on its node (`service/<name>` and below).
        targets: what tunnels can lead to, by name: the service's own name, and that of each `DerivedTunnel`.
        places: what else is asked how it is, by name.
        alone: units that serve it alone, such as its queue; they stop when it is retired.
        released: whether it comes from the bundled runtime. It is retired when the inventory drops it, as is one that
            has units of its own.
    """

    name: str
    shape: type[S]
    steps: Callable[[Context, S], list[Resource]]
    elsewhere: Callable[[Context], list[Resource]] = nothing
    secrets: Callable[[S], Sequence[str]] = no_secrets
    targets: Mapping[str, TunnelTarget] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    alone: tuple[str, ...] = ()
    released: bool = True

    def of(self, node: Node) -> S | None:
        """Return what the inventory says of the service on a node, None where it is not there."""
        found: S | None = getattr(node.services, self.name)
        return found

    def resources(self, ctx: Context) -> list[Resource]:
        """Return what a node gets of the service."""
        service = self.of(ctx.node)
        return self.elsewhere(ctx) if service is None else self.steps(ctx, service)
