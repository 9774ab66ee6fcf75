"""DigitalOcean's machines and DNS, and those of every cloud that speaks its API v2 (the local one does)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from digitalocean.baseapi import GET, POST, PUT

from ..errors import HubError
from ..waiting import wait_for
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
        found = [
            *self._api.call("droplets", GET, {"name": name})["droplets"],
            *self._api.call("droplets", GET, {"name": name, "type": "gpus"})["droplets"],
        ]
        unique = {item["id"]: item for item in found if item["name"] == name}
        return [_machine(item) for item in unique.values()]

    def resolve(self, spec: MachineSpec) -> MachineSpec:
        """Make sure that size, image and region are on offer, and together; return the number of a snapshot.

        Raises:
            HubErrors: they are not; with what is on offer, nearest first.
        """
        offer = Offer.read(
            sizes=self._api.call("sizes")["sizes"],
            images=self._api.call("images")["images"],
            regions=self._api.call("regions")["regions"],
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
        return _machine(self._api.call("droplets", POST, fields)["droplet"])

    def ready(self, machine: Machine, steps: Steps) -> Machine:
        """Wait until a machine is made and has its addresses; return it with them."""
        if machine.status == "new":
            with steps("action complete"):
                wait_for("the machine to be made", partial(self._made, machine.id), seconds=MADE_SECONDS)
        with steps("address"):
            return wait_for(
                "an address",
                partial(self._addressed, machine.id),
                seconds=ADDRESS_SECONDS,
                hint=f"is machine {machine.id} switched off? Switch it on at the cloud and run the same command again",
            )

    def console(self, machine: Machine) -> str:
        """Return the end of a machine's console: the local cloud tells, DigitalOcean shows it in the browser only."""
        answer = self._api.find(f"droplets/{machine.id}/console") or {}
        return str(answer.get("console", ""))

    def _made(self, machine_id: int) -> bool | None:
        # A new machine may be missing from what the API shows for some seconds.
        answer = self._api.find(f"droplets/{machine_id}/actions") or {"actions": []}
        making = next((item for item in answer["actions"] if item["type"] == "create"), None)
        return _completed(making, "the cloud could not make the machine") if making else None

    def _addressed(self, machine_id: int) -> Machine | None:
        machine = self._machine(machine_id)
        return machine if machine and machine.status == "active" and machine.ipv4 else None

    def _machine(self, machine_id: int) -> Machine | None:
        answer = self._api.find(f"droplets/{machine_id}")
        return _machine(answer["droplet"]) if answer else None

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
            answer = self._api.call("account/keys", POST, {"name": name, "public_key": public_key})
        except ApiError as error:
            found = self._key_id(public_key) if error.status == REFUSED else None
            if found is None:
                raise
            return found  # another run has registered it in the same moment
        return int(answer["ssh_key"]["id"])

    def _key_id(self, public_key: str) -> int | None:
        wanted = public_key.split()[:2]
        items = self._api.call("account/keys")["ssh_keys"]
        return next((int(item["id"]) for item in items if item["public_key"].split()[:2] == wanted), None)

    def snapshots(self) -> list[Snapshot]:
        """List the account's snapshots of machines; none at a cloud that has no such thing."""
        answer = self._api.find("snapshots?resource_type=droplet") or {"snapshots": []}
        return [_snapshot(item) for item in answer["snapshots"]]

    def take_snapshot(self, machine: Machine, title: str, steps: Steps) -> Snapshot:
        """Switch a machine off and keep its disk."""
        with steps("switched off"):
            self._switch_off(machine)
        with steps("snapshot taken"):
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
        action = self._api.call(path, POST, {"type": kind, **fields})["action"]
        wait_for(
            f"`{kind}` of machine {machine.id}",
            lambda: _completed(
                self._api.call(f"{path}/{action['id']}")["action"], f"the cloud's `{kind}` failed"
            ),
            seconds=seconds,
        )

    def remove_snapshot(self, snapshot: Snapshot) -> None:
        """Remove a snapshot; a missing one is no error."""
        self._api.delete(f"snapshots/{snapshot.id}")


class DigitalOceanDns:
    """DigitalOcean's name servers (see `base.Dns`)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def records(self, domain: str) -> list[DnsRecord]:
        """List a domain's records; none when the domain is not served."""
        answer = self._api.find(f"domains/{domain}/records") or {"domain_records": []}
        return [_record(item) for item in answer["domain_records"]]

    def set(self, domain: str, record: DnsRecord, *, replacing: Sequence[DnsRecord] = ()) -> None:
        """Write a record in the place of others; a domain that is not served yet is added."""
        fields = {"type": record.type, "name": record.name, "data": record.data, "ttl": record.ttl}
        path = f"domains/{domain}/records"
        if replacing:
            self._api.call(f"{path}/{replacing[0].id}", PUT, fields)
            self.delete(domain, replacing[1:])
            return
        try:
            self._api.call(path, POST, fields)
        except ApiError as error:
            if error.status != MISSING:
                raise
            self._add(domain)
            self._api.call(path, POST, fields)

    def _add(self, domain: str) -> None:
        try:
            self._api.call("domains", POST, {"name": domain})
        except ApiError as error:
            # Another run may have added it in the same moment.
            if error.status != REFUSED or self._api.find(f"domains/{domain}") is None:
                raise

    def delete(self, domain: str, records: Sequence[DnsRecord]) -> None:
        """Delete records of a domain; missing ones are no error."""
        for record in records:
            self._api.delete(f"domains/{domain}/records/{record.id}")


def _completed(action: Mapping[str, Any], failed: str) -> bool | None:
    if action["status"] == "errored":
        raise HubError(
            "cloud-action-failed",
            failed,
            why=str(action.get("message") or f"action {action['id']} ended with an error"),
            hint="look at the cloud's own console, then run the same command again",
        )
    return True if action["status"] == "completed" else None


def _machine(item: Mapping[str, Any]) -> Machine:
    networks = item.get("networks") or {}
    return Machine(
        id=int(item["id"]),
        name=item["name"],
        status=item["status"],
        ipv4=_public(networks.get("v4", [])),
        ipv6=_public(networks.get("v6", [])),
        tags=tuple(item.get("tags") or ()),
        size=item.get("size_slug") or "",
        image=(item.get("image") or {}).get("slug") or "",
        region=(item.get("region") or {}).get("slug") or "",
    )


def _public(networks: Sequence[Mapping[str, str]]) -> str:
    return next((network["ip_address"] for network in networks if network.get("type") == "public"), "")


def _snapshot(item: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        id=int(item["id"]),
        title=item["name"],
        created=item["created_at"],
        regions=tuple(item["regions"]),
        disk_gb=int(item.get("min_disk_size") or 0),
        size_gb=float(item.get("size_gigabytes") or 0),
    )


def _record(item: Mapping[str, Any]) -> DnsRecord:
    return DnsRecord(item["type"], item["name"], item["data"], int(item.get("ttl") or 0), int(item["id"]))
