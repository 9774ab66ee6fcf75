"""How much strangers may ask of a service, where an inventory says so.

A workshop of forty people comes from one address: what one client may do is what such a room does at its busiest.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..shape import Shape


class WebLimits(Shape):
    """What one client, known by its address, may ask of a site."""

    requests: Annotated[
        int, Meta(ge=1, le=10_000, description="requests a second of one client, and five times that at once")
    ] = 200
    connections: Annotated[
        int, Meta(ge=1, le=4096, description="requests of one client that may be under way, 1 to 4096")
    ] = 250


class TaskLimits(WebLimits):
    """What tasks may take. Requests wait and results are kept in 512 MB of memory."""

    request_bytes: Annotated[int, Meta(ge=1000, le=16_000_000, description="bytes of one request")] = (
        2_000_000
    )
    result_bytes: Annotated[
        int,
        Meta(ge=1000, le=256_000_000, description="bytes of one result; what was found beyond is left out"),
    ] = 64_000_000
    waiting_bytes: Annotated[
        int, Meta(ge=100_000, le=256_000_000, description="bytes of all tasks that have not ended")
    ] = 128_000_000
    client_bytes: Annotated[
        int, Meta(ge=100_000, le=256_000_000, description="bytes of one client's tasks that have not ended")
    ] = 64_000_000
