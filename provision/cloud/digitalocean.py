"""DigitalOcean's machines and DNS, and those of every cloud that speaks its API v2 (the local one does)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..errors import HubError
from ..waiting import wait_for
from . import answers
from .api import MISSING, REFUSED, Api, ApiError
from .base import DnsRecord, Machine, MachineSpec, Snapshot, Steps
from .offer import Offer, check
from .snapshots import newest

MADE_SECONDS = 600
ADDRESS_SECONDS = 120
GONE_SECONDS = 120
OFF_SECONDS = 90
SNAPSHOT_SECONDS = 3600


class DigitalOceanMachines:
    """Droplets (see `base.Machines`)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, name: str) -> list[Machine]:
        """List the machines with exactly this name; GPU machines are listed apart by the API."""
        return [_machine(item) for item in self._named(name)]

    def _named(self, name: str) -> list[answers.Droplet]:
        found = [
            item
            for params in ({}, {"type": "gpus"})
            for page in self._api.pages("droplets", answers.Droplets, name=name, **params)
            for item in page.droplets
        ]
        return list({item.id: item for item in found if item.name == name}.values())

    def resolve(self, spec: MachineSpec) -> MachineSpec:
        """Make sure that size, image and region are on offer, and together; return the number of a snapshot.

        Raises:
            HubErrors: they are not; with what is on offer, nearest first.
        """
        offer = Offer.read(
            sizes=[item for page in self._api.pages("sizes", answers.Sizes) for item in page.sizes],
            images=[item for page in self._api.pages("images", answers.Images) for item in page.images],
            regions=[item for page in self._api.pages("regions", answers.Regions) for item in page.regions],
        )
        # Asked for only where it matters: a token of limited access may not list them.
        snapshots = [] if spec.image in offer.images else self.snapshots()
        check(spec, offer, snapshots)
        own = newest(snapshots, spec.image)
        return replace(spec, image=str(own.id)) if own else spec

    def create(self, spec: MachineSpec) -> Machine:
        """Ask for a machine that was resolved; it is then still being made."""
        fields = {
            "name": spec.name,
            "size": spec.size,
            "image": int(spec.image) if spec.image.isdecimal() else spec.image,
            "region": spec.region,
            "tags": spec.tags,
            "ssh_keys": [self._key(spec.key_name, spec.public_key)],
            "user_data": spec.user_data,
            "ipv6": spec.ipv6,
            "monitoring": True,
        }
        look = partial(self._ordered, spec.name, set(spec.tags))
        return _machine(self._api.order("droplets", fields, answers.OneDroplet, look).droplet)

    def _ordered(self, name: str, tags: set[str]) -> answers.OneDroplet | None:
        ours = [item for item in self._named(name) if tags <= set(item.tags or ())]
        return answers.OneDroplet(min(ours, key=lambda item: item.id)) if ours else None

    def ready(self, machine: Machine, steps: Steps) -> Machine:
        """Wait until a machine is made and has its addresses; return it with them."""
        if not machine.addresses:
            with steps("making the machine", done="action complete"):
                wait_for("the machine to be made", partial(self._made, machine), seconds=MADE_SECONDS)
        with steps("waiting for its address", done="address"):
            return wait_for(
                "an address",
                partial(self._addressed, machine.id),
                seconds=ADDRESS_SECONDS,
                hint=f"is machine {machine.id} switched off? Switch it on at the cloud and run the same command again",
            )

    def console(self, machine: Machine) -> str:
        """Return the end of a machine's console: the local cloud tells, DigitalOcean shows it in the browser only."""
        answer = self._api.find(f"droplets/{machine.id}/console", answers.Console)
        return answer.console if answer else ""

    def _made(self, machine: Machine) -> bool | None:
        # A new machine may be missing from what the API shows for some seconds.
        answer = self._api.find(f"droplets/{machine.id}/actions", answers.Actions)
        making = next((item for item in answer.actions if item.type == "create"), None) if answer else None
        if making and making.status == "errored":
            raise _not_made(machine, making.message or "")
        if making and making.status == "in-progress" and making.message:  # the local cloud says what it is at
            self._api.say(making.message)
        return True if making and making.status == "completed" else None

    def _addressed(self, machine_id: int) -> Machine | None:
        machine = self._machine(machine_id)
        return machine if machine and machine.status == "active" and machine.ipv4 else None

    def _machine(self, machine_id: int) -> Machine | None:
        answer = self._api.find(f"droplets/{machine_id}", answers.OneDroplet)
        return _machine(answer.droplet) if answer else None

    def destroy(self, machine: Machine) -> None:
        """Remove a machine and its disk, and wait until it is gone; a missing one is no error."""
        self._api.delete(f"droplets/{machine.id}")
        wait_for(
            f"machine {machine.id} to be gone",
            lambda: True if self._machine(machine.id) is None else None,
            seconds=GONE_SECONDS,
        )

    def forget_key(self, public_key: str) -> None:
        """Remove a public key from the account; a missing one is no error."""
        found = self._key_id(public_key)
        if found is not None:
            self._api.delete(f"account/keys/{found}")

    def _key(self, name: str, public_key: str) -> int:
        """Return the id of a public key in the account, registering it when it is new."""
        found = self._key_id(public_key)
        if found is not None:
            return found
        try:
            fields = {"name": name, "public_key": public_key}
            answer = self._api.order(
                "account/keys", fields, answers.OneKey, partial(self._registered, public_key)
            )
        except ApiError as error:
            found = self._key_id(public_key) if error.status == REFUSED else None
            if found is None:
                raise
            return found  # another run has registered it in the same moment
        return answer.ssh_key.id

    def _registered(self, public_key: str) -> answers.OneKey | None:
        wanted = public_key.split()[:2]
        items = (item for page in self._api.pages("account/keys", answers.Keys) for item in page.ssh_keys)
        return next((answers.OneKey(item) for item in items if item.public_key.split()[:2] == wanted), None)

    def _key_id(self, public_key: str) -> int | None:
        found = self._registered(public_key)
        return found.ssh_key.id if found else None

    def snapshots(self) -> list[Snapshot]:
        """List the account's snapshots of machines; none at a cloud that has no such thing."""
        pages = self._api.pages("snapshots", answers.Snapshots, resource_type="droplet")
        try:
            return [_snapshot(item) for page in pages for item in page.snapshots]
        except ApiError as error:
            if error.status == MISSING:
                return []
            raise

    def take_snapshot(self, machine: Machine, title: str, steps: Steps) -> Snapshot:
        """Switch a machine off and keep its disk."""
        with steps("switching it off", done="switched off"):
            self._switch_off(machine)
        with steps("taking the snapshot", done="snapshot taken"):
            self._act(machine, "snapshot", SNAPSHOT_SECONDS, name=title)
        return next(item for item in self.snapshots() if item.title == title)

    def _switch_off(self, machine: Machine) -> None:
        """Ask the machine to power off; cut the power when it does not."""
        self._act(machine, "shutdown", OFF_SECONDS)
        try:
            wait_for("the machine to be off", partial(self._off, machine.id), seconds=OFF_SECONDS)
        except HubError:
            self._act(machine, "power_off", OFF_SECONDS)

    def _off(self, machine_id: int) -> bool | None:
        machine = self._machine(machine_id)
        return True if machine and machine.status == "off" else None

    def _act(self, machine: Machine, kind: str, seconds: float, **fields: object) -> None:
        path = f"droplets/{machine.id}/actions"
        begun = self._api.order(path, {"type": kind, **fields}, answers.OneAction).action

        def done() -> bool | None:
            action = self._api.get(f"{path}/{begun.id}", answers.OneAction).action
            if action.status == "errored":
                raise _action_failed(kind, action)
            return True if action.status == "completed" else None

        wait_for(f"`{kind}` of machine {machine.id}", done, seconds=seconds)

    def remove_snapshot(self, snapshot: Snapshot) -> None:
        """Remove a snapshot; a missing one is no error."""
        self._api.delete(f"snapshots/{snapshot.id}")


class DigitalOceanDns:
    """DigitalOcean's name servers (see `base.Dns`)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def records(self, domain: str) -> list[DnsRecord]:
        """List a domain's records; none when the domain is not served."""
        pages = self._api.pages(f"domains/{domain}/records", answers.Records)
        try:
            return [_record(item) for page in pages for item in page.domain_records]
        except ApiError as error:
            if error.status == MISSING:
                return []
            raise

    def serves(self, domain: str) -> bool:
        """Tell whether a domain is served."""
        return self._api.find(f"domains/{domain}", answers.OneZone) is not None

    def set(self, domain: str, record: DnsRecord, *, replacing: Sequence[DnsRecord] = ()) -> None:
        """Write a record in the place of others; a domain that is not served yet is added."""
        fields = {"type": record.type, "name": record.name, "data": record.data, "ttl": record.ttl}
        path = f"domains/{domain}/records"
        if replacing:
            self._api.put(f"{path}/{replacing[0].id}", fields, answers.OneRecord)
            self.delete(domain, replacing[1:])
            return
        look = partial(self._written, domain, record)
        try:
            self._api.order(path, fields, answers.OneRecord, look)
        except ApiError as error:
            if error.status != MISSING:
                raise
            self._add(domain)
            self._api.order(path, fields, answers.OneRecord, look)

    def _written(self, domain: str, record: DnsRecord) -> answers.OneRecord | None:
        for page in self._api.pages(f"domains/{domain}/records", answers.Records):
            for item in page.domain_records:
                if replace(_record(item), id=0) == replace(record, id=0):
                    return answers.OneRecord(item)
        return None

    def _add(self, domain: str) -> None:
        look = partial(self._api.find, f"domains/{domain}", answers.OneZone)
        try:
            self._api.order("domains", {"name": domain}, answers.OneZone, look)
        except ApiError as error:
            # Another run may have added it in the same moment.
            if error.status != REFUSED or look() is None:
                raise

    def delete(self, domain: str, records: Sequence[DnsRecord]) -> None:
        """Delete records of a domain; missing ones are no error."""
        for record in records:
            self._api.delete(f"domains/{domain}/records/{record.id}")


def _not_made(machine: Machine, why: str) -> HubError:
    node = machine.name.partition(".")[0]
    return HubError(
        "machine-not-made",
        f"the cloud could not make machine {machine.name} (id {machine.id})",
        why=why or "its creation ended with an error",
        hint=f"nothing is on it: `hubctl destroy-node {node}` removes it, then create it again",
    )


def _action_failed(kind: str, action: answers.Action) -> HubError:
    return HubError(
        "cloud-action-failed",
        f"the cloud's `{kind}` failed",
        why=action.message or f"action {action.id} ended with an error",
        hint="look at the cloud's own console, then run the same command again",
    )


def _machine(item: answers.Droplet) -> Machine:
    networks = item.networks or answers.Networks()
    return Machine(
        id=item.id,
        name=item.name,
        status=item.status,
        ipv4=_public(networks.v4),
        ipv6=_public(networks.v6),
        tags=tuple(item.tags or ()),
        size=item.size_slug or "",
        image=(item.image and item.image.slug) or "",
        region=(item.region and item.region.slug) or "",
        created=item.created_at,
    )


def _public(networks: Sequence[answers.Network]) -> str:
    return next((network.ip_address for network in networks if network.type == "public"), "")


def _snapshot(item: answers.Kept) -> Snapshot:
    return Snapshot(
        id=int(item.id),
        title=item.name,
        created=item.created_at,
        regions=tuple(item.regions),
        disk_gb=item.min_disk_size or 0,
        size_gb=item.size_gigabytes or 0,
    )


def _record(item: answers.Record) -> DnsRecord:
    return DnsRecord(item.type, item.name, item.data, item.ttl or 0, item.id)
