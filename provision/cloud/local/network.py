"""The instance's network: a bridge, addresses on it, and an nftables table that lets machines out and nobody in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ...errors import HubError
from . import guest
from .command import run
from .files import locked
from .instance import ACME_PORT, Instance

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_FORWARDING_BEFORE = Path("/run/hubctl/ip_forward")
_LOCK = Path("/run/hubctl/forwarding.lock")

# Machines share the bridge, so their own traffic never meets these rules. Everything else may only begin
# inside: answers come back in, new connections from other interfaces (other instances too) do not.
# Of this computer they reach name server, test CA and what its own settings send them to (a proxy on this computer).
# Replies to larger segments than the way out carries are avoided by clamping TCP's segment size.
_RULES = """\
table inet {table} {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        tcp flags syn tcp option maxseg size set rt mtu
        iifname "{bridge}" accept
        oifname "{bridge}" ct state established,related accept
        oifname "{bridge}" drop
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname != {{ "{bridge}", "lo" }} ip daddr {address} drop
        iifname != {{ "{bridge}", "lo" }} ip6 daddr {address6} drop
        iifname != "{bridge}" accept
        ct state established,related accept
        meta l4proto {{ icmp, ipv6-icmp }} accept
        ip daddr {address} meta l4proto {{ tcp, udp }} th dport 53 accept
        ip daddr {address} tcp dport {acme_port} accept
{services}        reject with icmpx admin-prohibited
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {subnet} oifname != "{bridge}" masquerade
    }}
}}
"""


def ensure(instance: Instance) -> None:
    """Make the bridge, its addresses and the nftables table; what is there already is left as it is.

    IPv6 stays between the machines and this computer: forwarding it would switch off the router
    advertisements that many computers get their own IPv6 from.
    """
    if not exists(instance):
        _refuse_taken_subnet(instance)
        run(["ip", "link", "add", "name", instance.bridge, "type", "bridge"])
    address = f"{instance.address}/{instance.subnet.prefixlen}"
    run(["ip", "address", "replace", address, "dev", instance.bridge])
    if Path(f"/proc/sys/net/ipv6/conf/{instance.bridge}").exists():  # not with ipv6.disable=1
        run(["ip", "-6", "address", "replace", f"{instance.address6}/64", "dev", instance.bridge, "nodad"])
    run(["ip", "link", "set", instance.bridge, "up"])
    run(["nft", "-f", "-"], stdin=ruleset(instance, guest.services_of_host()))
    with locked(_LOCK):
        before = _FORWARDING.read_text()
        if before.strip() != "1":
            _FORWARDING_BEFORE.write_text(before)
            _FORWARDING.write_text("1")


def remove(instance: Instance) -> None:
    """Remove bridge and table; the last one gone gives the computer its forwarding setting back."""
    run(["nft", "delete", "table", "inet", instance.table], check=False)
    run(["ip", "link", "delete", instance.bridge, "type", "bridge"], check=False)
    with locked(_LOCK):
        if _FORWARDING_BEFORE.exists() and not _bridges():
            _FORWARDING.write_text(_FORWARDING_BEFORE.read_text())
            _FORWARDING_BEFORE.unlink()


def exists(instance: Instance) -> bool:
    """Tell whether the instance's bridge is there."""
    return instance.bridge in _bridges()


def ruleset(instance: Instance, services: Iterable[tuple[str, int]] = ()) -> str:
    """Return the nft script that puts the instance's table in place, whether or not it is there already.

    Args:
        instance: what the table is for.
        services: further IPv4 addresses of this computer and TCP ports at them that machines may connect to.
    """
    accepted = "".join(f"        ip daddr {host} tcp dport {port} accept\n" for host, port in services)
    rules = _RULES.format(
        table=instance.table,
        bridge=instance.bridge,
        subnet=instance.subnet,
        address=instance.address,
        address6=instance.address6,
        acme_port=ACME_PORT,
        services=accepted,
    )
    return f"table inet {instance.table}\ndelete table inet {instance.table}\n{rules}"


def _bridges() -> list[str]:
    links = json.loads(run(["ip", "-json", "link", "show", "type", "bridge"]) or "[]")
    return [link["ifname"] for link in links if link.get("ifname", "").startswith("hub-")]


def _refuse_taken_subnet(instance: Instance) -> None:
    routes = json.loads(
        run(["ip", "-json", "-4", "route", "show", "to", "root", str(instance.subnet)]) or "[]"
    )
    if routes:
        raise HubError(
            "subnet-taken",
            f"the network {instance.subnet} of the local cloud {instance.name} is now used by {routes[0].get('dev')}",
            hint=f"`hubctl local down --destroy --name {instance.name}`, then `hubctl local up --name {instance.name}`",
        )
