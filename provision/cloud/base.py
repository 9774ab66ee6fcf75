"""What hubctl asks of a cloud, and the plain data it gets back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

ActionStatus = Literal["in-progress", "completed", "errored"]


@dataclass(frozen=True)
class Machine:
    """A machine of the cloud; addresses are empty until it has them."""

    id: int
    name: str
    status: str
    ipv4: str
    ipv6: str
    tags: tuple[str, ...]
    size: str
    image: str
    region: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """The public addresses, IPv4 first."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address)


@dataclass(frozen=True)
class MachineSpec:
    """What a new machine is to be."""

    name: str
    size: str
    image: str
    region: str
    tags: tuple[str, ...]
    ssh_keys: tuple[int, ...]
    user_data: str
    ipv6: bool


@dataclass(frozen=True)
class DnsRecord:
    """A record of a domain; `name` is relative to it, `@` for the domain itself."""

    id: int
    type: str
    name: str
    data: str
    ttl: int


class Cloud(Protocol):
    """A provider of machines and DNS. Every call may raise HubError."""

    def machines(self, tag: str) -> list[Machine]:
        """List the machines with a tag."""
        ...

    def machines_named(self, name: str) -> list[Machine]:
        """List the machines with exactly this name, whoever made them."""
        ...

    def machine(self, machine_id: int) -> Machine | None:
        """Return one machine, or None when there is none with this id."""
        ...

    def create(self, spec: MachineSpec) -> tuple[int, int]:
        """Ask for a machine; return its id and the id of the action to wait for."""
        ...

    def action(self, action_id: int) -> ActionStatus:
        """Return how far an action is."""
        ...

    def destroy(self, machine_id: int) -> None:
        """Remove a machine and its disk; a missing one is no error."""
        ...

    def ssh_key(self, name: str, public_key: str) -> int:
        """Return the id of this public key at the cloud, registering it when it is new."""
        ...

    def forget_ssh_key(self, public_key: str) -> None:
        """Remove a public key from the cloud's account; a missing one is no error."""
        ...

    def ensure_domain(self, domain: str) -> bool:
        """Have the cloud serve this domain; return whether it was added."""
        ...

    def records(self, domain: str) -> list[DnsRecord]:
        """List a domain's records; none when the cloud does not serve the domain."""
        ...

    def set_record(
        self, domain: str, kind: str, name: str, data: str, ttl: int, *, replacing: Sequence[DnsRecord]
    ) -> None:
        """Make `name` have exactly this record of its kind, in the place of those it has now."""
        ...

    def delete_records(self, domain: str, records: Sequence[DnsRecord]) -> None:
        """Delete records of a domain."""
        ...
