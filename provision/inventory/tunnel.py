"""Tunnels: encrypted ways between nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from .shape import Label, ServiceName, Shape


class Tunnel(Shape, kw_only=True):
    """An encrypted way from nodes to a service or port of another, which is open to nobody else."""

    from_: Annotated[
        Label | tuple[Label, ...], Meta(description="the node, or list of nodes, that use the tunnel")
    ] = field(name="from")
    to: Label
    service: Annotated[ServiceName, Meta(description="a service of the far node")] | None = None
    port: (
        Annotated[int, Meta(ge=1, le=65535, description="a TCP port of the far node's own loopback")] | None
    ) = None
    listen: Annotated[
        int,
        Meta(
            ge=1024,
            le=65534,
            description="port of the far node, 1024 to 65534; the next one is needed, too, while keys change",
        ),
    ]
    address: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]+$",
                max_length=253,
                description="DNS name, IPv4 or IPv6 address at which the far node is found",
            ),
        ]
        | None
    ) = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The nodes that use the tunnel."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_


class DerivedTunnel(Tunnel, kw_only=True):
    """A tunnel that follows from what a service needs of other nodes: nobody writes it."""

    target: str


def sources_of(tunnel: Mapping[str, Any]) -> list[str]:
    """Return the nodes at which the draft of a tunnel begins."""
    given = tunnel.get("from", [])
    return [given] if isinstance(given, str) else given
