"""What every endpoint works with: the store, the machines, and the instance's own facts."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from ....distributions import Image
from ..operations import Hypervisor, Operations
from ..store import Store

EXTENSION = "local-cloud"


@dataclass(frozen=True)
class Cloud:
    """One instance behind the API.

    Attributes:
        name: the instance's name.
        identity: hexadecimal digits that tell this instance from every other.
        token: what clients must show.
        subnet: IPv4 network of the droplets; its first address is the gateway.
        subnet6: IPv6 network of the droplets.
        images: the images on offer.
        store: everything the API keeps.
        machines: what runs the droplets.
        operations: background work on them.
        requests_per_hour: rate limit.
        requests_per_minute: burst limit.
        clock: seconds since the epoch.
    """

    name: str
    identity: str
    token: str
    subnet: ipaddress.IPv4Network
    subnet6: ipaddress.IPv6Network
    images: tuple[Image, ...]
    store: Store
    machines: Hypervisor
    operations: Operations
    requests_per_hour: int
    requests_per_minute: int
    clock: Callable[[], float]


def cloud() -> Cloud:
    """Return the instance that the current request is for."""
    found: Cloud = current_app.extensions[EXTENSION]
    return found
