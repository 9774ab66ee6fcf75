"""A node's door to the web: the server that it has, and HTTPS sites with certificates that renew themselves."""

from __future__ import annotations

from ..node.resources import (
    Certificate,
    CheckedFiles,
    File,
    Firewall,
    Packages,
    Resource,
    Rule,
    Unit,
    Withheld,
)
from ..render import render
from .apache import APACHE
from .content import Content
from .context import Context
from .nginx import NGINX
from .problems import problems
from .sites import site
from .webserver import WebServer

WEB_GROUP = "www-data"
"""The group of every web server: its members may use the sockets of services."""


_SERVERS = {server.name: server for server in (NGINX, APACHE)}


def server(ctx: Context) -> WebServer:
    """Return the web server of a node."""
    return _SERVERS[ctx.node.webserver]


def base(ctx: Context) -> list[Resource]:
    """Return the node's web server, which answers for the names of all its sites on port 80."""
    here = server(ctx)
    others = [each for each in _SERVERS.values() if each is not here]
    # Two cannot have the same ports: one stops, then the other starts.
    return here.base(ctx, [each.former(ctx) for each in others])


def _provable_in_dns() -> list[Resource]:
    """Let certbot answer for the names that DNS delegates to the node, while it is asked to prove one."""
    return [
        Packages(("python3-certbot-dns-standalone",)),
        Firewall((Rule(53, "udp"), Rule(53, "tcp"))),
    ]


def website(ctx: Context, service: str, content: Content) -> list[Resource]:
    """Return a service's certificate and its HTTPS site, in the order in which they can come to be.

    Args:
        ctx: the node.
        service: the service, which has a host name.
        content: what its site offers.
    """
    web, place = server(ctx), site(ctx, service)
    text = render(
        f"{web.name}/https_site.conf",
        site=place,
        content=content,
        ipv6=ctx.node.ipv6,
        email=ctx.fleet.operator.email,
        problems=problems(content.max_body),
    )
    path = web.site_path(service)
    return [
        Withheld(path, place.name, text, web.check),
        *(_provable_in_dns() if place.below else []),
        Packages(("certbot",)),
        File(web.hook, render(web.reload_hook), mode=0o755),
        Unit("certbot.timer"),
        Certificate(
            name=place.name,
            domains=place.names,
            email=ctx.fleet.operator.email,
            server=ctx.acme_directory,
            webroot=web.webroot,
            answers=web.unit,
            dns=place.below,
        ),
        CheckedFiles(web.site_group(service), (File(path, text),), web.check),
    ]
