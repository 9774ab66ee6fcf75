"""What of a node's plan is the same for every node like it: packages, tools and the environments of its services."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..cloud.snapshots import newest, title_of
from ..distributions import IMAGES
from ..node.resources import Environment, Packages, PythonEnv, Release, Resource
from ..plan import plan
from ..steps.context import Location
from .contexts import contexts
from .fleet import LoadedFleet

_SOMEWHERE = Location("192.0.2.1", ("192.0.2.1",))
_DIGITS = 12


@dataclass(frozen=True)
class Ingredients:
    """What an image is baked of: no secret, no data, nothing that names a node.

    Attributes:
        resources: kinds whose result does not hang on the node: packages and environments.
    """

    resources: tuple[Resource, ...]

    def digest(self, base: str) -> str:
        """Return the address of an image of these, made from a provider's image."""
        content = [base, *(sorted(_content(resource)) for resource in self.resources)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_DIGITS]


def ingredients_of(resources: Iterable[Resource]) -> Ingredients:
    """Return the ingredients of a plan; a release counts by its environment alone."""
    found: dict[str, Resource] = {}
    for resource in resources:
        if isinstance(resource, Packages | PythonEnv):
            found[resource.id] = resource
        elif isinstance(resource, Release):
            environment = Environment(resource.service, resource.requirements, resource.uv)
            found[environment.id] = environment
    return Ingredients(tuple(found.values()))


def ingredients(loaded: LoadedFleet, name: str) -> Ingredients:
    """Return the ingredients of a node, which need not be created, nor any that it has tunnels to.

    Raises:
        HubError: its plan cannot be made.
    """
    found = contexts(loaded, [name], make=False)[name]
    context = replace(found, locations={**dict.fromkeys(loaded.fleet.nodes, _SOMEWHERE), **found.locations})
    return ingredients_of(plan(context).resources)


def is_stale(loaded: LoadedFleet, name: str, image: str) -> bool:
    """Whether an image was baked of others than a node needs now; nothing is known of other images."""
    if image in {known.slug for known in IMAGES}:
        return False
    own = newest(loaded.machines.snapshots(), image)
    title = title_of(own) if own else None
    return title is not None and title.digest != ingredients(loaded, name).digest(title.base)


def _content(resource: Resource) -> Iterable[str]:
    if isinstance(resource, Packages):
        return resource.names
    return (resource.id, resource.requirements) if isinstance(resource, PythonEnv | Environment) else ()
