"""Tunnels: spiped at both ends, each generation of a key with units, a file and a port of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import HubError
from ..inventory.tunnel import DerivedTunnel, Tunnel
from ..node.resources import (
    Absent,
    CheckedFiles,
    Command,
    Directory,
    File,
    Firewall,
    Packages,
    Resource,
    Rule,
    SpipedEnds,
    Unit,
    User,
)
from ..render import render
from ..secrets.model import Generation, Generations, tunnel_key
from . import web
from .context import Context
from .tunnel_ends import far_port, near_host
from .units import unit_files

USER = "spiped"
FOLDER = "/etc/spiped"
HANDSHAKE_SECONDS = 15
"""A connection that is open for longer has reached the service at the far end."""


@dataclass(frozen=True)
class Question:
    """What to say to a service to know that it is well, and how its answer begins then."""

    text: str
    expected: str


@dataclass(frozen=True)
class TunnelTarget:
    """What a tunnel can lead to.

    Args:
        socket: where it listens on its own node.
        group: who may use a Unix socket.
        question: what it answers when it is well; none for a service that nothing is known of.
        lasting: whether connections never end by themselves, and are opened anew when they are cut.
    """

    socket: str
    group: str = ""
    question: Question | None = None
    lasting: bool = False


HEALTH = Question("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 200")
"""What a service over HTTP is asked."""
Targets = Mapping[str, TunnelTarget]


def tunnels(ctx: Context, targets: Targets) -> list[Resource]:
    """Return the ends of all tunnels that begin or end at the node.

    Args:
        ctx: the node.
        targets: what tunnels can lead to, by name.
    """
    resources: list[Resource] = []
    ends = []
    for name, tunnel in ctx.fleet.tunnels.items():
        generations = ctx.keys.get(tunnel_key(name), ())
        if ctx.name == tunnel.to:
            resources += _far_end(ctx, name, tunnel, generations, target_of(tunnel, targets))
            ends.append(f"{name}-server")
        elif ctx.name in tunnel.sources:
            resources += _near_end(ctx, name, tunnel, generations, target_of(tunnel, targets))
            ends.append(f"{name}-client")
    return [*resources, SpipedEnds(tuple(ends), FOLDER)]


def unit_name(tunnel: str, side: str, generation: Generation) -> str:
    """Return the unit of a generation; `side` is server or client."""
    return f"spiped-{tunnel}-{side}@{generation.number}.service"


def _far_end(
    ctx: Context, name: str, tunnel: Tunnel, generations: Generations, target: TunnelTarget
) -> list[Resource]:
    """Return the end that the service is at: its port is open to the nodes at the other ends alone."""
    every = "::" if ctx.node.ipv6 else "0.0.0.0"  # noqa: S104  ufw lets the other ends in and nobody else
    sources = [
        source for node in tunnel.sources if node in ctx.locations for source in ctx.locations[node].sources
    ]
    rules = tuple(
        Rule(far_port(tunnel, generation), source=source)
        for generation in generations
        if generation.value is not None
        for source in sources
    )
    units = _units(name, "server", target)
    resources = [*_common(), Firewall(rules), units]
    for generation in generations:
        listen = f"[{every}]:{far_port(tunnel, generation)}"
        resources += _generation(name, "server", generation, listen, target.socket)
    return resources


def target_of(tunnel: Tunnel, targets: Targets) -> TunnelTarget:
    """Return what a tunnel leads to; of a bare port nothing is known."""
    name = tunnel.target if isinstance(tunnel, DerivedTunnel) else tunnel.service
    return targets[name] if name else TunnelTarget(f"[127.0.0.1]:{tunnel.port}")


def _near_end(
    ctx: Context, name: str, tunnel: Tunnel, generations: Generations, target: TunnelTarget
) -> list[Resource]:
    """Return an end that uses the tunnel, on loopback addresses."""
    resources = [*web.base(ctx), *_common(), _units(name, "client", target)]
    host = _far_address(ctx, tunnel)
    for generation in generations:
        listen = f"[{near_host(generation)}]:{tunnel.listen}"
        leads_to = f"{host}:{far_port(tunnel, generation)}"
        resources += _generation(name, "client", generation, listen, leads_to)
    return resources


def _far_address(ctx: Context, tunnel: Tunnel) -> str:
    """Return how spiped calls the far node: addresses in brackets, names as they are.

    Raises:
        HubError: the far node was not created, and the inventory gives no address.
    """
    if tunnel.address is None and tunnel.to not in ctx.locations:
        raise HubError(
            "not-created",
            f"a tunnel of {ctx.name} leads to node {tunnel.to}, which has not been created",
            hint=f"`hubctl create-node {tunnel.to}`, then `hubctl deploy`",
        )
    address = tunnel.address or ctx.locations[tunnel.to].address
    numeric = ":" in address or address.replace(".", "").isdigit()
    return f"[{address}]" if numeric else address


def _common() -> list[Resource]:
    return [Packages(("spiped",)), User(USER), Directory(FOLDER)]


def _units(name: str, side: str, target: TunnelTarget) -> CheckedFiles:
    text = render(
        "spiped/end.service",
        tunnel=name,
        side=side,
        folder=FOLDER,
        user=USER,
        group=target.group if side == "server" else "",
        lasting=target.lasting,
        handshake=HANDSHAKE_SECONDS,
    )
    return unit_files(f"spiped-{name}-{side}", {f"spiped-{name}-{side}@.service": text})


def _generation(name: str, side: str, generation: Generation, listen: str, target: str) -> list[Resource]:
    """Return a generation of one end: in place, or erased."""
    unit = unit_name(name, side, generation)
    stem = f"{FOLDER}/{name}-{generation.number}"
    if generation.value is None:
        # spiped ends when its last connection does, or at the unit's own time limit.
        gone = Unit(unit, enabled=False, running=False)
        return [gone, _erased(f"{stem}.key"), Absent(f"{stem}.env")]
    key = File(f"{stem}.key", generation.reveal() + "\n", 0o600, owner=USER, group=USER, secret=True)
    ends = File(f"{stem}.env", render("spiped/end.env", listen=listen, target=target))
    # Not on the unit file: a restart cuts connections, and the next generation has the new file anyway.
    return [key, ends, Unit(unit, restart_on=(key.id, ends.id))]


def _erased(path: str) -> Command:
    """Return a key's end: overwritten, then removed. `Absent` would keep a copy."""
    return Command(
        f"erase-{path.removeprefix(FOLDER + '/')}",
        ("shred", "--iterations=1", "--zero", "--remove", path),
        unless=("test", "!", "-e", path),
    )
