"""destroy-node: the machine, its DNS records and its pinned key go, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ..cloud.base import DnsRecord, Machine
from ..errors import Exit, HubError
from ..inventory.hosts import node_hostnames, proven_on_node
from ..output import Output
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from .dns import delegations_of, records_of
from .fleet import LoadedFleet


@dataclass(frozen=True)
class Doomed:
    """What a destroy-node would remove."""

    node: str
    machines: tuple[Machine, ...]
    records: tuple[DnsRecord, ...]
    pinned: bool

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.machines or self.records or self.pinned)

    def lines(self, domain: str) -> list[str]:
        """Describe each thing on a line."""
        return [
            *(f"machine {item.name} (id {item.id}, {' '.join(item.addresses)})" for item in self.machines),
            *(
                f"record {item.name}.{domain} {item.type} {item.data}".replace("@.", "")
                for item in self.records
            ),
            *(["pinned host key"] if self.pinned else []),
        ]


def doomed(loaded: LoadedFleet, name: str) -> Doomed:
    """Return what belongs to a node, whether or not the inventory still names it.

    Raises:
        HubError: a machine of that name is not this fleet's.
    """
    wanted = loaded.machine_name(name)
    found = loaded.machines.find(wanted)
    host = loaded.fleet.nodes.get(name)
    if host is not None and host.address:
        found = []  # a host that was there before stays
    ours = tuple(machine for machine in found if set(loaded.tags) <= set(machine.tags))
    pin = hostkeys.read(loaded.path).get(name)
    if found and not ours and pin is None:
        raise HubError(
            "name-taken",
            f"the machine named {wanted} is not hubctl's",
            why=f"it has the tags {list(found[0].tags)}, and not {' and '.join(loaded.tags)}",
            hint="remove it at the cloud yourself if that is what you want; nothing was changed",
            exit_code=Exit.NOT_ALLOWED,
        )
    return Doomed(name, ours, tuple(_records(loaded, name, ours, pin)), pin is not None)


def _records(loaded: LoadedFleet, name: str, ours: tuple[Machine, ...], pin: Pin | None) -> list[DnsRecord]:
    """Return the records that would point to nothing.

    All that point to a machine that goes. Where it is gone already its address may be somebody else's by now: then
    those of the node's own names alone.
    """
    if loaded.dns is None:
        return []
    domain, node = loaded.fleet.domain, loaded.fleet.nodes.get(name)
    names = node_hostnames(loaded.fleet, name, node) if node else [loaded.fleet.fqdn(name)]
    delegated = delegations_of(loaded.dns, domain, proven_on_node(names))
    if ours:
        gone = [address for machine in ours for address in machine.addresses]
        return records_of(loaded.dns, domain, gone) + delegated
    return records_of(loaded.dns, domain, pin.addresses, names) + delegated if pin else []


def destroy(loaded: LoadedFleet, what: Doomed, output: Output) -> list[str]:
    """Remove everything of a node; each part that is gone already is passed over, so a second run finishes a first.

    Returns:
        What stays at the provider, as other nodes may need it.
    """
    # Records first: a name must not point to an address that the cloud may give to somebody else.
    if loaded.dns is not None:
        with output.step("removing DNS records", node=what.node):
            loaded.dns.delete(loaded.fleet.domain, what.records)
    for machine in what.machines:
        with output.step(f"removing machine {machine.name}", node=what.node):
            loaded.machines.destroy(machine)
    hostkeys.unpin(loaded.path, what.node)
    if loaded.dns is None:
        return []
    zone = [f"zone {loaded.fleet.domain}"] if loaded.dns.serves(loaded.fleet.domain) else []
    return [*zone, f"key {loaded.tags[-1]} of the account"]
