"""A tunnel's ends on a node: which there are, and the addresses and ports of each generation."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import HubError
from ..inventory.tunnel import Tunnel
from ..secrets import model
from ..secrets.model import Generation
from .context import Context

ENTRY = "127.0.0.1"
"""Where everybody on a node enters its tunnels, whatever generation of the key is in use."""

# Two generations are there at most, one after the other, so two ports and two addresses are enough for ever.
_LOOPBACK = ("127.1.0.1", "127.1.0.2")


@dataclass(frozen=True)
class NearEnd:
    """A tunnel that begins here: `127.0.0.1:port` leads into it.

    Args:
        name: the tunnel's name.
        host: loopback address at which the generation in use listens.
        port: the tunnel's port, the same at all loopback addresses.
    """

    name: str
    host: str
    port: int


def near_ends(ctx: Context) -> tuple[NearEnd, ...]:
    """Return the tunnels that begin at the node."""
    return tuple(
        NearEnd(name, near_host(_current(ctx, name)), tunnel.listen)
        for name, tunnel in ctx.fleet.tunnels.items()
        if ctx.name in tunnel.sources
    )


def far_port(tunnel: Tunnel, generation: Generation) -> int:
    """Return the port at which a generation listens at the far end."""
    return tunnel.listen + (generation.number - 1) % 2


def near_host(generation: Generation) -> str:
    """Return the loopback address at which a generation listens at the near ends."""
    return _LOOPBACK[(generation.number - 1) % 2]


def _current(ctx: Context, name: str) -> Generation:
    found = model.current(ctx.keys.get(model.tunnel_key(name), ()))
    if found is None:
        raise HubError("no-tunnel-key", f"tunnel {name} has no key", hint=f"hubctl deploy {ctx.name}")
    return found
