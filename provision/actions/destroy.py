"""destroy-node: the machine, its DNS records and its pinned key go, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ..cloud.base import DnsRecord, Machine
from ..errors import Exit, HubError
from ..output import Output
from ..transport import hostkeys
from .dns import records_of
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
    addresses = {address for machine in ours for address in machine.addresses}
    if not ours and pin is not None:
        addresses.update(pin.addresses)  # the machine is gone already: its records may still be there
    records = records_of(loaded.dns, loaded.fleet.domain, addresses) if loaded.dns else []
    return Doomed(name, ours, tuple(records), pin is not None)


def destroy(loaded: LoadedFleet, what: Doomed, output: Output) -> None:
    """Remove everything of a node; each part that is gone already is passed over, so a second run finishes a first."""
    # Records first: a name must not point to an address that the cloud may give to somebody else.
    if loaded.dns is not None:
        with output.step("removing DNS records"):
            loaded.dns.delete(loaded.fleet.domain, what.records)
    for machine in what.machines:
        with output.step(f"removing machine {machine.name}"):
            loaded.machines.destroy(machine)
    hostkeys.unpin(loaded.path, what.node)
