"""A node of the inventory to its desired state: what every node has, its tunnels, and its services by their recipes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .errors import HubError
from .node.manifest import dump
from .node.resources import Firewall, Group, Packages, Release, Resource, Retired, User, Withheld
from .services import RECIPES, TARGETS
from .steps.base import base
from .steps.context import Context
from .steps.tunnel import tunnels


@dataclass(frozen=True)
class Plan:
    """Everything that a node shall be, in the order in which it comes to be.

    Args:
        node: the node's name.
        resources: what the engine checks and applies, one after the other; ids are unique.
    """

    node: str
    resources: tuple[Resource, ...]

    def as_list(self) -> list[dict[str, Any]]:
        """Return the resources as plain data, each with its kind, as the engine reads them."""
        return [dump(resource) for resource in self.resources]


def plan(ctx: Context) -> Plan:
    """Return the plan of a node.

    Raises:
        HubError: steps contradict each other.
    """
    services = [resource for recipe in RECIPES for resource in recipe.resources(ctx)]
    # What goes still needs the tunnels that may go with it.
    return assemble(ctx.name, [*base(ctx), *_retired(ctx, services), *tunnels(ctx, TARGETS), *services])


def assemble(node: str, resources: Iterable[Resource]) -> Plan:
    """Make one plan of what steps want of a node.

    Raises:
        HubError: steps contradict each other, or a resource waits for what is not there.
    """
    ordered = tuple(_ordered(_unique(resources)))
    _check_references(ordered)
    return Plan(node, ordered)


def _retired(ctx: Context, services: Iterable[Resource]) -> list[Resource]:
    """Return what takes away the services that the node may once have had."""
    here = {resource.service for resource in services if isinstance(resource, Release)}
    here.update(ctx.node.services.present())
    return [
        Retired(each.name, each.alone)
        for each in RECIPES
        if (each.released or each.alone) and each.name not in here
    ]


def _unique(resources: Iterable[Resource]) -> list[Resource]:
    """Drop repetitions: several services may stand on the same thing, as long as they agree on it."""
    found: dict[str, Resource] = {}
    for resource in resources:
        try:
            found[resource.id] = found.get(resource.id, resource).merged(resource)
        except ValueError:
            raise HubError("conflicting-steps", f"two steps want different things of {resource.id}") from None
    return list(found.values())


def _ordered(resources: Iterable[Resource]) -> list[Resource]:
    """Put first what others need without saying so; the order of the steps holds for the rest."""
    first = (Packages, Firewall, Group, User, Withheld)
    rank = {kind: index for index, kind in enumerate(first)}
    return sorted(resources, key=lambda resource: rank.get(type(resource), len(first)))


def _check_references(resources: tuple[Resource, ...]) -> None:
    """Make sure that whatever a resource waits for is there."""
    ids = {resource.id for resource in resources}
    for resource in resources:
        for reference in chain.from_iterable(resource.waits_for().values()):
            if reference not in ids:
                raise HubError(
                    "unknown-resource", f"{resource.id} waits for {reference}, which is not in the plan"
                )
