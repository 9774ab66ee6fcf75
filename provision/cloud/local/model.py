"""What the API keeps: droplets, actions, keys, domains, records, tags; plain data with an id each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

Status = Literal["in-progress", "completed", "errored"]
RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT")


def now() -> str:
    """Return the time as the API writes it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Item(msgspec.Struct, kw_only=True):
    """Anything the store keeps; id 0 means not stored yet."""

    id: int = 0


class SshKey(Item):
    """A public key of the account; its fingerprint is MD5 in colon notation, as the API has it."""

    name: str
    public_key: str
    fingerprint: str


class Droplet(Item):
    """A machine as it was ordered; whether it runs is asked of the machine itself.

    `ready` tells that its first boot is done: before, it is `new` and has no address to show.
    `deleted` hides it from the API while its machine is being removed.
    `keys` are the public keys as they were at creation.
    `image` is a slug, or the number of a snapshot.
    """

    name: str
    region: str
    size: str
    image: str
    created_at: str
    address: str = ""
    address6: str = ""
    tags: list[str] = []
    keys: list[str] = []
    user_data: str = ""
    features: list[str] = []
    ready: bool = False
    deleted: bool = False

    def status(self, *, running: bool) -> Literal["new", "active", "off"]:
        """Return the droplet's status, given whether its machine runs."""
        if not self.ready:
            return "new"
        return "active" if running else "off"


class Action(Item):
    """Something done to a droplet, in progress or over; `message` says why it failed, or what it is at."""

    type: str
    resource_id: int
    region: str
    started_at: str
    completed_at: str | None = None
    status: Status = "in-progress"
    message: str = ""


class Snapshot(Item):
    """A droplet's disk as it was: an image to make droplets of.

    `lowers` are the folders of its layers, the topmost first, the base image last; none while it is being taken.
    `image` is the slug of the base image. `deleted` hides it from the API while droplets are made of it.
    """

    name: str
    droplet_id: int
    image: str
    region: str
    created_at: str
    min_disk_size: int
    lowers: list[str] = []
    bytes: int = 0
    deleted: bool = False


class Domain(Item):
    """A zone that the DNS server answers for."""

    name: str
    ttl: int = 1800


class Record(Item):
    """A resource record; the name is relative to the domain, `@` is the domain itself."""

    domain: str
    type: str
    name: str
    data: str
    ttl: int = 1800
    priority: int | None = None
    port: int | None = None
    weight: int | None = None
    flags: int | None = None
    tag: str | None = None


class Tag(Item):
    """A label of droplets; droplets name the tags they carry."""

    name: str
