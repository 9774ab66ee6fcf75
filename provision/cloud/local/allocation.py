"""What a new instance gets that nothing else on this computer has: a folder, a network, ports."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import random
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ...errors import HubError
from ...node.files import write_file
from .command import run
from .files import locked
from .instance import Instance, base_folder, check_name, recorded_networks

_POOL = ipaddress.IPv4Network("10.213.0.0/16")
_HOST_LOCK = Path("/run/hubctl/local.lock")  # one a computer: bases may differ, the network is shared


def create(name: str, claim: Callable[[Instance], None]) -> Instance:
    """Make the state folder of a new instance with addresses that nothing on this computer uses.

    Args:
        name: the instance's name.
        claim: makes the addresses visible on this computer (the bridge) while no other instance can choose.
    """
    check_name(name)
    folder = base_folder() / name
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    identity = hashlib.sha256(str(folder).encode()).hexdigest()[:6]
    with locked(_HOST_LOCK):
        instance = Instance(
            name=name,
            folder=folder,
            bridge=f"hub-{name[:4].rstrip('-')}-{identity}",
            subnet=choose_subnet([*_live_networks(), *recorded_networks()]),
            subnet6=ipaddress.IPv6Network((0xFD << 120 | secrets.randbits(56) << 64, 64)),
            api_port=_free_port(),
            acme_management_port=_free_port(),
        )
        write_file(folder / "token", f"dop_v1_{secrets.token_hex(32)}\n")
        instance.save()
        claim(instance)
    return instance


def with_free_ports(instance: Instance, *, acme_runs: bool) -> Instance:
    """Return an instance with other loopback ports in place of those that someone else has taken.

    Args:
        instance: not running.
        acme_runs: the ACME server itself has its port.
    """
    api = instance.api_port if _port_is_free(instance.api_port) else _free_port()
    keep = acme_runs or _port_is_free(instance.acme_management_port)
    moved = replace(
        instance, api_port=api, acme_management_port=instance.acme_management_port if keep else _free_port()
    )
    if moved != instance:
        moved.save()
    return moved


def choose_subnet(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Return a /24 of the pool that overlaps none of the networks in use.

    Raises:
        HubError: `no-free-subnet`.
    """
    used = list(taken)
    free = [net for net in _POOL.subnets(new_prefix=24) if not any(net.overlaps(other) for other in used)]
    if not free:
        raise HubError(
            "no-free-subnet",
            f"every /24 of {_POOL} is in use on this computer",
            hint="remove an instance: `hubctl local down --destroy --name NAME`",
        )
    return random.choice(free)  # noqa: S311 - spreads instances, keeps nothing secret


def _live_networks() -> list[ipaddress.IPv4Network]:
    """Return the IPv4 networks of all addresses and routes of this computer, the default route aside."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    links = json.loads(run(["ip", "-json", "-4", "address", "show"]) or "[]")
    found = [route["dst"] for route in routes if route.get("dst") != "default"]
    found += [f"{info['local']}/{info['prefixlen']}" for link in links for info in link.get("addr_info", [])]
    return [ipaddress.IPv4Network(text, strict=False) for text in found]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
