"""Hosts that are there already: the inventory says where. Nothing is made or removed, and DNS is the operator's."""

from __future__ import annotations

from typing import NoReturn

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from .base import Machine, MachineSpec, Snapshot, Steps


class ExistingHosts:
    """The hosts of an inventory (see `base.Machines`).

    Args:
        fleet: the inventory.
        tags: what machines of the fleet are tagged with, at providers that have tags.
    """

    def __init__(self, fleet: Fleet, tags: tuple[str, ...]) -> None:
        self._hosts = {
            fleet.fqdn(name): Machine(
                id=number,
                name=fleet.fqdn(name),
                status="active",
                ipv4="" if ":" in node.address else node.address,
                ipv6=node.address if ":" in node.address else "",
                tags=tags,
                size="",
                image="",
                region="",
            )
            for number, (name, node) in enumerate(fleet.nodes.items(), start=1)
        }

    def find(self, name: str) -> list[Machine]:
        """Return the host of this name."""
        return [self._hosts[name]] if name in self._hosts else []

    def resolve(self, _: MachineSpec) -> MachineSpec:
        """Refuse: hosts are not made."""
        _cannot("make machines")

    def create(self, _: MachineSpec) -> Machine:
        """Refuse: hosts are not made."""
        _cannot("make machines")

    def ready(self, machine: Machine, _: Steps) -> Machine:
        """Return the host."""
        return machine

    def console(self, _: Machine) -> str:
        """Return nothing: only the operator sees it."""
        return ""

    def destroy(self, _: Machine) -> None:
        """Leave the host as it is."""

    def forget_key(self, _: str) -> None:
        """Do nothing: there is no account."""

    def snapshots(self) -> list[Snapshot]:
        """Return none."""
        return []

    def take_snapshot(self, _: Machine, title: str, steps: Steps) -> Snapshot:  # noqa: ARG002
        """Refuse: there is nobody to ask."""
        _cannot("take snapshots")

    def remove_snapshot(self, _: Snapshot) -> None:
        """Refuse: there is none."""
        _cannot("remove snapshots")


def _cannot(what: str) -> NoReturn:
    raise HubError(
        "not-at-existing-hosts",
        f"`provider: existing` cannot {what}",
        why="its hosts are the operator's own",
        hint="images and new machines need `provider: local` or `provider: digitalocean`",
        exit_code=Exit.NOT_ALLOWED,
    )
