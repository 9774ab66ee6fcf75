"""What the cloud's answers hold, as far as hubctl reads them: typed and bounded. Fields beside these are passed over.

Text from the cloud reaches files and terminals: addresses are nothing but that, and nothing is longer than it can be.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=4096)]
Word = Annotated[str, Meta(pattern=r"^[^\x00-\x20\x7f]{1,255}$")]
Number = Annotated[int, Meta(ge=1)]
Address = Annotated[str, Meta(pattern=r"^[0-9a-fA-F.:]{2,45}$")]
Words = Annotated[list[Word], Meta(max_length=1000)]


class Pages(Struct):
    """Where a list goes on."""

    next: Text | None = None


class Links(Struct):
    """Links of an answer; `pages` of lists alone."""

    pages: Pages | None = None


class Page(Struct, kw_only=True):
    """A page of a list."""

    links: Links | None = None


class Failure(Struct):
    """An answer that is an error."""

    message: Text = ""
    error: Text = ""
    request_id: Text = ""


class Slugged(Struct):
    """Something that is known by a slug; snapshots and images of one's own have none."""

    slug: Word | None = None


class Network(Struct):
    """An interface."""

    ip_address: Address
    type: Text = ""


class Networks(Struct):
    """The interfaces of a machine; none while it is being made."""

    v4: list[Network] = []
    v6: list[Network] = []


class Droplet(Struct):
    """A machine."""

    id: Number
    name: Word
    status: Word
    created_at: Text = ""
    networks: Networks | None = None
    tags: Words | None = None
    size_slug: Word | None = None
    image: Slugged | None = None
    region: Slugged | None = None


class OneDroplet(Struct):
    """An answer with one machine."""

    droplet: Droplet


class Droplets(Page):
    """A page of machines."""

    droplets: list[Droplet]


class Action(Struct):
    """Something that is done to a machine."""

    id: Number
    type: Word
    status: Word
    message: Text | None = None


class OneAction(Struct):
    """An answer with one action."""

    action: Action


class Actions(Page):
    """A page of actions."""

    actions: list[Action]


class Console(Struct):
    """What a machine wrote to its console."""

    console: Annotated[str, Meta(max_length=1 << 20)] = ""


class Key(Struct):
    """A public key of the account."""

    id: Number
    public_key: Annotated[str, Meta(max_length=20_000)]


class OneKey(Struct):
    """An answer with one key."""

    ssh_key: Key


class Keys(Page):
    """A page of keys."""

    ssh_keys: list[Key]


class Kept(Struct):
    """A snapshot of a machine's disk."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")] | Number
    name: Text
    created_at: Text
    regions: Words
    min_disk_size: int | None = None
    size_gigabytes: float | None = None


class Snapshots(Page):
    """A page of snapshots."""

    snapshots: list[Kept]


class Size(Struct):
    """A size that machines can have."""

    slug: Word
    regions: Words
    disk: int
    available: bool = True


class Sizes(Page):
    """A page of sizes."""

    sizes: list[Size]


class Image(Struct):
    """An image that machines are made of."""

    regions: Words
    slug: Word | None = None


class Images(Page):
    """A page of images."""

    images: list[Image]


class Region(Struct):
    """A place where machines are."""

    slug: Word
    available: bool = True


class Regions(Page):
    """A page of regions."""

    regions: list[Region]


class Zone(Struct):
    """A domain that is served."""

    name: Word


class OneZone(Struct):
    """An answer with one domain."""

    domain: Zone


class Record(Struct):
    """A record of a domain."""

    id: Number
    type: Word
    name: Word
    data: Text
    ttl: int | None = None


class OneRecord(Struct):
    """An answer with one record."""

    domain_record: Record


class Records(Page):
    """A page of records."""

    domain_records: list[Record]
