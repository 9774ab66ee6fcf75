"""image bake: a machine with what a node is made of, emptied of all that is its own, and a snapshot of its disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from .. import distributions, keys
from ..cloud.base import Machine, Snapshot
from ..cloud.snapshots import Title, name_of, named, newest, title_of
from ..errors import Exit, HubError
from ..inventory.model import Node
from ..inventory.providers import PROVIDERS
from ..inventory.suggest import did_you_mean
from ..node.manifest import dump
from ..transport import hostkeys
from .claims import claimed
from .create import arrive, machine_of, order, spec_of
from .fleet import LoadedFleet
from .ingredients import Ingredients, ingredients
from .job import Job

TAG = "hubctl-bake"
_NAME_CHARACTERS = 64


@dataclass(frozen=True)
class Wish:
    """What an image shall be; empty values follow from the node.

    Attributes:
        node: name of the node whose packages and environments are baked.
        name: what the image is called.
        base: the provider's image that it is made from.
        size: of the machine that it is made on; its disk is the smallest that the image fits on.
        region: where it is made.
    """

    node: str
    name: str = ""
    base: str = ""
    size: str = ""
    region: str = ""


def bake(job: Job, wish: Wish) -> Snapshot:
    """Make an image of what a node is made of, in the place of a former one of that name.

    Raises:
        HubError: the machine could not be made or deployed, or its disk could not be kept. No machine is left over.
    """
    loaded, output = job.loaded, job.output
    node = loaded.fleet.nodes[wish.node]
    base = wish.base or _base(loaded, node)
    what = ingredients(loaded, wish.node)
    title = Title(wish.name or _name(loaded, wish.node, node, base), base, what.digest(base))
    former = named(loaded.machines.snapshots(), title.name)
    sizes = PROVIDERS[loaded.fleet.provider].sizes
    size = wish.size or (sizes.bake if sizes else node.size)
    made_on = msgspec.structs.replace(node, image=base, size=size, region=wish.region or node.region)
    with _machine(job, wish.node, made_on) as (name, machine):
        _fill(job, name, what)
        snapshot = loaded.machines.take_snapshot(machine, str(title), output.step)
    for old in former:
        with output.step(f"removing the former image ({old.created})"):
            loaded.machines.remove_snapshot(old)
    return snapshot


def find(loaded: LoadedFleet, name: str) -> list[Snapshot]:
    """Return the snapshots of a name, the newest first.

    Raises:
        HubError: there is none.
    """
    snapshots = loaded.machines.snapshots()
    found = named(snapshots, name)
    if not found:
        known = sorted({name_of(item) for item in snapshots})
        raise HubError(
            "unknown-image",
            f"there is no image `{name}` in the account",
            why=f"the images are: {', '.join(known)}" if known else "there are no images of your own",
            hint=did_you_mean(name, known) or "hubctl image bake NODE",
        )
    return found


def _base(loaded: LoadedFleet, node: Node) -> str:
    """Return what a node's image stands on: a distribution's, whatever was baked into it."""
    known = [image.slug for image in distributions.IMAGES]
    if node.image in known:
        return node.image
    own = newest(loaded.machines.snapshots(), node.image)
    title = title_of(own) if own else None
    prefix = next((slug for slug in known if node.image.startswith(slug)), distributions.DEFAULT.slug)
    return title.base if title else prefix


def _name(loaded: LoadedFleet, name: str, node: Node, base: str) -> str:
    """Return what an image is called where nobody says: as the inventory has it already, else by fleet and node."""
    if node.image != base:
        return node.image
    return f"{base}-{loaded.fleet.fleet}-{name}"[:_NAME_CHARACTERS]


@contextlib.contextmanager
def _machine(job: Job, node_name: str, node: Node) -> Iterator[tuple[str, Machine]]:
    """Have a machine for the time of a `with` block; what a killed run left is removed first."""
    loaded, name = job.loaded, f"bake-{node_name}"
    with claimed(job, name):
        _remove(job, name)
        spec = spec_of(loaded, name, node)
        try:
            machine = order(
                job,
                name,
                replace(spec, tags=(*spec.tags, TAG)),
                lambda: keys.ensure_operator_key(loaded.fleet, loaded.path)[0],
            )
            yield name, arrive(job, name, machine, new=True)
        finally:
            _remove(job, name)


def _remove(job: Job, name: str) -> None:
    loaded = job.loaded
    machine = machine_of(loaded, name)
    if name in loaded.fleet.nodes or (machine is not None and TAG not in machine.tags):
        raise HubError(
            "name-taken",
            f"{name} is the name of a node, and of the machine that an image is made on",
            hint="call the node something other",
            exit_code=Exit.NOT_ALLOWED,
        )
    if machine is not None:
        with job.output.step(f"removing machine {machine.name}"):
            loaded.machines.destroy(machine)
    hostkeys.unpin(loaded.path, name)


def _fill(job: Job, name: str, what: Ingredients) -> None:
    """Bring them to a machine, and take from it what makes it this one."""
    with job.output.step("installing packages and environments", node=name, done="packages and environments"):
        resources = [dump(resource) for resource in what.resources]
        _asked(job, "converge", name, apply=True, resources=resources)
    with job.output.step(
        "emptying it of keys, ids and logs", node=name, done="emptied of keys, ids and logs"
    ):
        _asked(job, "seal", name)


def _asked(job: Job, op: str, name: str, **fields: Any) -> None:
    outcome = job.ask(op, name, **fields)
    if outcome.error is not None:
        raise outcome.error
