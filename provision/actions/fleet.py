"""A loaded inventory with its file: what every action starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .. import keys
from ..cloud.base import Dns, Machines, Say, fleet_tags, silent
from ..errors import Exit, HubError
from ..inventory.model import Fleet
from ..secrets.store import SecretStore
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from ..transport.target import Target

if TYPE_CHECKING:
    from ..cloud.connect import Account


@dataclass(frozen=True)
class LoadedFleet:
    """An inventory, the path it was read from, and who is told what its cloud is waited for."""

    fleet: Fleet
    path: Path
    say: Say = silent

    @property
    def machines(self) -> Machines:
        """The machines of the fleet's provider, connected when they are first asked for."""
        return self._account.machines

    @property
    def dns(self) -> Dns | None:
        """The name servers of the fleet's provider; None where names are the operator's own affair."""
        return self._account.dns

    @cached_property
    def _account(self) -> Account:
        from ..cloud.connect import connect

        return connect(self.fleet, self.path, self.say)

    @cached_property
    def secrets(self) -> SecretStore:
        """The fleet's secrets; nothing is read before it is asked for."""
        return SecretStore(self.fleet, self.path)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all the fleet's machines."""
        return fleet_tags(self.fleet)

    def machine_name(self, node: str) -> str:
        """Return the name a node's machine has at the cloud."""
        return self.fleet.fqdn(node)

    def pin(self, node: str) -> Pin:
        """Return a node's pinned host key and addresses.

        Raises:
            HubError: the node was not created yet.
        """
        pin = hostkeys.read(self.path).get(node)
        if pin is None or not pin.addresses:
            raise HubError(
                "not-created",
                f"node {node} has not been created",
                why=f"{hostkeys.path_for(self.path)} has no address for it",
                hint=f"`hubctl create-node {node}`; is its machine there, and only that line lost: `hubctl pin {node}`",
                exit_code=Exit.UNREACHABLE,
            )
        return pin

    def target(self, node: str, key_file: Path | None = None) -> Target:
        """Return where a node is and how it is entered: with the operator's key, or another one."""
        known = self.fleet.nodes.get(node)
        # Whoever may enter it now: a gateway is no part of what is tried with another key.
        gateway = self.target(known.gateway) if known and known.gateway else None
        return Target(self.pin(node), key_file or keys.operator_key(self.fleet, self.path), gateway)
