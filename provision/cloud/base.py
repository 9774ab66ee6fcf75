"""What hubctl asks of a provider of machines and of DNS, and the plain data it gets back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ..inventory.model import Fleet


class Steps(Protocol):
    """Shows a named step for the time of a `with` block: `Output.step`."""

    def __call__(self, text: str, *, done: str = "") -> AbstractContextManager[object]:
        """Show what is going on, and when it is over what is so then."""


Say = Callable[[str], None]
"""Shows a line of progress: `Output.progress`."""


def silent(_: str) -> None:
    """Show nothing."""


TAG = "hubctl"
"""The tag of all machines that hubctl makes."""


def fleet_tags(fleet: Fleet) -> tuple[str, ...]:
    """Return the tags of a fleet's machines."""
    return (TAG, f"{TAG}-{fleet.fleet}")


@dataclass(frozen=True)
class Machine:
    """A machine of the provider; addresses are empty until it has them; `created` is the provider's ISO 8601 time."""

    id: int
    name: str
    status: str
    ipv4: str
    ipv6: str
    tags: tuple[str, ...]
    size: str
    image: str
    region: str
    created: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The public addresses, IPv4 first."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address)


@dataclass(frozen=True)
class MachineSpec:
    """What a new machine is to be.

    Attributes:
        name: full host name.
        size: the provider's slug.
        image: the provider's slug, or the name of a snapshot; resolved, the number of one.
        region: the provider's slug.
        tags: words that the machine is found by.
        key_name: what the operator's key is called in the provider's account.
        public_key: the operator's public key.
        user_data: cloud-init's document; holds the private host key.
        ipv6: whether it gets an IPv6 address, too.
    """

    name: str
    size: str
    image: str
    region: str
    tags: tuple[str, ...]
    key_name: str
    public_key: str
    user_data: str
    ipv6: bool


@dataclass(frozen=True)
class Snapshot:
    """A disk that was kept and that machines can be made from.

    Attributes:
        id: the provider's number.
        title: its name in the provider's account.
        created: ISO 8601 time.
        regions: where machines can be made from it.
        disk_gb: the smallest disk that it fits on.
        size_gb: what it takes in the account.
    """

    id: int
    title: str
    created: str
    regions: tuple[str, ...]
    disk_gb: int
    size_gb: float


@dataclass(frozen=True)
class DnsRecord:
    """A record of a domain; `name` is relative to it, `@` for the domain itself; `id` is 0 for a new one."""

    type: str
    name: str
    data: str
    ttl: int
    id: int = 0


class Machines(Protocol):
    """A provider of machines. Every call may raise HubError."""

    def find(self, name: str) -> list[Machine]:
        """List the machines with exactly this name, whoever made them."""
        ...

    def resolve(self, spec: MachineSpec) -> MachineSpec:
        """Make sure that such a machine can be made; return what is to be made in the provider's own terms.

        Raises:
            HubErrors: size, image or region are not on offer, with what is, nearest first.
        """
        ...

    def create(self, spec: MachineSpec) -> Machine:
        """Ask for a machine that was resolved; it is then still being made."""
        ...

    def console(self, machine: Machine) -> str:
        """Return the end of what a machine wrote to its console; empty where the provider does not tell."""
        ...

    def ready(self, machine: Machine, steps: Steps) -> Machine:
        """Wait until a machine is made and has its addresses; return it with them."""
        ...

    def destroy(self, machine: Machine) -> None:
        """Remove a machine and its disk, and wait until it is gone; a missing one is no error."""
        ...

    def forget_key(self, public_key: str) -> None:
        """Remove a public key from the account; a missing one is no error."""
        ...

    def snapshots(self) -> list[Snapshot]:
        """List the account's snapshots of machines."""
        ...

    def take_snapshot(self, machine: Machine, title: str, steps: Steps) -> Snapshot:
        """Switch a machine off and keep its disk."""
        ...

    def remove_snapshot(self, snapshot: Snapshot) -> None:
        """Remove a snapshot; a missing one is no error."""
        ...


class Dns(Protocol):
    """A provider of DNS. Every call may raise HubError."""

    def records(self, domain: str) -> list[DnsRecord]:
        """List a domain's records; none when the domain is not served."""
        ...

    def serves(self, domain: str) -> bool:
        """Tell whether a domain is served."""
        ...

    def set(self, domain: str, record: DnsRecord, *, replacing: Sequence[DnsRecord] = ()) -> None:
        """Write a record in the place of others; a domain that is not served yet is added."""
        ...

    def delete(self, domain: str, records: Sequence[DnsRecord]) -> None:
        """Delete records of a domain; missing ones are no error."""
        ...
