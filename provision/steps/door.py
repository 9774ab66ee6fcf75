"""What every web server needs of its node: open ports, and bounds on what one address may hold."""

from __future__ import annotations

from ..node.resources import File, Firewall, Resource, Rule, Unit
from ..render import render
from .sites import Site


def door(hosts: tuple[Site, ...], *, least: int) -> list[Resource]:
    """Open the ports, and bound what one address may hold.

    Args:
        hosts: the node's sites.
        least: connections that one address may have in any case; a site may want more.
    """
    name = "hubctl-connections.service"
    most = max(least, *(2 * host.limits.connections for host in hosts), 500)
    file = File(f"/etc/systemd/system/{name}", render("systemd/connections.service", most=most))
    rules = (Rule(80), Rule(443)) if hosts else ()
    return [Firewall(rules), file, Unit(name, restart_on=(file.id,))]
