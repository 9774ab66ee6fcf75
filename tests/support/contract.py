"""What a service says about itself, so that the contract of all services can be tried on it."""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.inventory.load import load
from provision.services import RECIPES
from provision.services.recipe import Recipe
from tests.support.fleet import Fleet
from tests.support.load import Load
from tests.support.runtimes import FALLS, runtime_with
from tests.support.site import Site

RELEASE_STAGES = (
    "before",
    "journaled",
    "built",
    "started",
    "healthy",
    "switched",
    "reloaded",
    "drained",
    "after",
)


def _nothing(_: Site) -> None:
    return None


def _nothing_lost(_: Site, __: None) -> None:
    return None


def _nobody(_: Fleet) -> None:
    return None


@dataclass(frozen=True)
class Contract:
    """One service, in `tests/contract/<service>.py`.

    Args:
        nodes: the smallest inventory with the service: a line of services a node.
        node: the node that has it.
        host: the name of its site there.
        more: what the inventory says below the nodes, such as tunnels.
        path: what is asked for all the time, by GET; not to be cached.
        status: what the answer must be.
        put: makes data of the service, and leaves work under way if it does work; returns what `kept` needs.
        kept: waits for that work, and asserts that all is there and right.
        module: the file below `hub_runtime/` whose failure keeps its web process from starting.
        finds: services that it stands beside, as a line of services: the machine is of an image that has what they
            are made of; their own contracts begin with nothing but the distribution.
        by_hand: what an operator does after the first deploy, such as letting people in.
        boundaries: where a deploy of the service is killed, as `RESOURCE:STAGE`; those of a release where it has one.
    """

    nodes: Mapping[str, str]
    node: str
    host: str
    more: str = ""
    path: str = "/health"
    status: int = 200
    put: Callable[[Site], Any] = _nothing
    kept: Callable[[Site, Any], None] = _nothing_lost
    module: str = ""
    finds: str = ""
    by_hand: Callable[[Fleet], None] = _nobody
    boundaries: tuple[str, ...] = ()


def contract_of(name: str) -> Contract:
    """Return what a service says about itself."""
    found = importlib.import_module(f"tests.contract.{name}").CONTRACT
    assert isinstance(found, Contract)
    return found


def recipe_of(name: str) -> Recipe[Any]:
    """Return a service's recipe."""
    (found,) = (recipe for recipe in RECIPES if recipe.name == name)
    return found


class Served:
    """A service on nodes of its own."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self.name, self.fleet = name, fleet
        self.says, self.recipe = contract_of(name), recipe_of(name)
        self._versions = itertools.count(1)

    @property
    def node(self) -> str:
        """The node that has the service."""
        return self.says.node

    @property
    def site(self) -> Site:
        """Where it is asked."""
        return self.fleet.site(self.node, self.says.host)

    @property
    def boundaries(self) -> tuple[str, ...]:
        """Where a deploy of it is killed."""
        release = tuple(f"release:{self.name}:{stage}" for stage in RELEASE_STAGES)
        return self.says.boundaries or (release if self.recipe.released else ())

    @property
    def secrets(self) -> list[str]:
        """Names of the secrets that it has in this inventory."""
        node = load(self.fleet.inventory).nodes[self.node]
        return list(self.recipe.secrets(self.recipe.of(node)))

    @contextlib.contextmanager
    def unnoticed(self, *, fresh: int = 1, kept: int = 1) -> Iterator[Load]:
        """Requests and work under way while a `with` block runs, of which nothing may be lost or late."""
        data = self.says.put(self.site)
        with Load(self.site, fresh=fresh, kept=kept, path=self.says.path, status=self.says.status) as load:
            load.wait_for(20)
            yield load
            load.wait_for(20)
        assert load.failures == []
        assert load.p99 < Load.late
        self.says.kept(self.site, data)

    def answers(self) -> bool:
        """Whether it answers as it should."""
        return self.site.ask_raw("GET", self.says.path, seconds=5)[0] == self.says.status

    def write(self, **other: str) -> None:
        """Write the inventory, with other services on some nodes."""
        self.fleet.write({**self.says.nodes, **other}, self.says.more)

    def assert_unchanged(self) -> None:
        """A deploy has nothing to do on any node."""
        done = self.fleet.done("deploy").stdout
        assert done.count(" 0 changed") == len(self.says.nodes), done

    def current(self) -> str:
        """Return the address of the release that serves."""
        return self.fleet.shell(self.node, f"basename $(readlink /opt/hub/{self.name}/current)").strip()

    def another_release(self, folder: Path) -> Fleet:
        """Return the fleet driven by a hubctl that has another release of the service each time."""
        address = f"{next(self._versions):016x}"
        return self.fleet.patched(folder / address, fields={f"release:{self.name}": {"release": address}})

    def broken_runtime(self, folder: Path) -> str:
        """Return a runtime with which the web process does not start."""
        return runtime_with(folder, self.says.module, FALLS)

    def newer_runtime(self, folder: Path) -> str:
        """Return a runtime in which the service is another version."""
        return runtime_with(folder, self.says.module, f"# version {next(self._versions)}\n")
