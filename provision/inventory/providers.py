"""What each provider asks of an inventory. Plain data: which sizes and images a cloud has now, only the cloud knows."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes of machines at a provider.

    Attributes:
        form: how they are written.
        example: one of them.
        bake: the smallest that images are made on.
    """

    form: re.Pattern[str]
    example: str
    bake: str


@dataclass(frozen=True)
class Provider:
    """The rules of a provider.

    Attributes:
        needed: keys that each of its nodes has.
        foreign: keys that mean nothing at it.
        sizes: its sizes, None where machines are there already.
        unreachable: the values of `acme.server` whose directory its machines cannot use.
        unreachable_message: what is then wrong.
        unreachable_hint: and what to write.
        own_zones: whether its name servers are this computer's, where a domain is nobody else's.
    """

    needed: tuple[str, ...]
    foreign: tuple[str, ...]
    sizes: Sizes | None
    unreachable: re.Pattern[str]
    unreachable_message: str
    unreachable_hint: str
    own_zones: bool = False


_DIGITALOCEAN = Sizes(
    # Its families: s-1vcpu-2gb, c-2, m3-8vcpu-64gb, so1_5-2vcpu-16gb, gpu-h100x1-80gb, 512mb.
    form=re.compile(
        r"[a-z]{1,2}[0-9]?(_[0-9])?-[0-9]+(vcpu)?(-[a-z0-9]+)*|gpu-[a-z0-9]+x[0-9]+(-[a-z0-9]+)+|[0-9]+[mg]b"
    ),
    example="s-1vcpu-2gb",
    bake="s-1vcpu-1gb",
)

_ORDERED = ("size", "image")  # what a machine is ordered by
_REACHED = ("address", "user", "port", "host_key", "gateway")  # how one is entered that is there already

PROVIDERS = {
    "digitalocean": Provider(
        needed=_ORDERED,
        foreign=_REACHED,
        sizes=_DIGITALOCEAN,
        unreachable=re.compile("local"),
        unreachable_message="`acme.server: local` is the test CA of this computer: "
        "machines at DigitalOcean cannot reach it",
        unreachable_hint="use letsencrypt-staging to try things out, letsencrypt when all works",
    ),
    "existing": Provider(
        needed=("address",),
        foreign=(*_ORDERED, "region"),
        sizes=None,
        unreachable=re.compile("local"),
        unreachable_message="`acme.server: local` is the test CA of this computer: hosts elsewhere cannot reach it",
        unreachable_hint="use letsencrypt-staging to try things out, letsencrypt when all works",
    ),
    "local": Provider(
        needed=_ORDERED,
        foreign=_REACHED,
        sizes=_DIGITALOCEAN,  # whose API the local cloud has
        unreachable=re.compile("letsencrypt.*"),
        unreachable_message="Let's Encrypt cannot reach the machines of `provider: local`",
        unreachable_hint="write `acme: {server: local}`",
        own_zones=True,
    ),
}
"""By the name that an inventory's `provider` has."""
