"""nginx: closed for names that the node does not serve."""

from __future__ import annotations

from ..node.resources import (
    Absent,
    CheckedFiles,
    Directory,
    File,
    Firewall,
    Packages,
    Resource,
    Rule,
    Unit,
)
from ..render import render
from .context import Context
from .sites import Site, sites
from .tunnel_ends import near_ends
from .webserver import WebServer

_CONNECTIONS = 2048
"""Of one address, a quarter of what a process of nginx holds; a site may want more."""


def _base(ctx: Context) -> list[Resource]:
    hosts = sites(ctx)
    files = CheckedFiles("nginx", _files(ctx, hosts), NGINX.check)
    changes = [cause for host in hosts for cause in NGINX.causes(host)]
    folders = (Directory("/var/lib/nginx"), Directory("/var/log/nginx", group="adm"))
    return [
        Packages(("libnginx-mod-stream", "nginx") if near_ends(ctx) else ("nginx",)),
        Firewall((Rule(80), Rule(443)) if hosts else ()),
        *_connections(hosts),
        # The package's own: without them it accepts no configuration. At a reload it fills them again.
        *folders,
        Directory(NGINX.webroot),
        files,
        Unit(NGINX.unit, reload_on=(files.id, *(folder.id for folder in folders), *changes)),
    ]


def _connections(hosts: tuple[Site, ...]) -> list[Resource]:
    """Bound what one address may hold, above what requests are bounded by: nginx counts those alone."""
    name = "hubctl-connections.service"
    most = max(_CONNECTIONS, *(2 * host.limits.connections for host in hosts), 0)
    file = File(f"/etc/systemd/system/{name}", render("systemd/connections.service", most=most))
    return [file, Unit(name, restart_on=(file.id,))]


NGINX = WebServer(
    name="nginx",
    unit="nginx.service",
    check=("/usr/sbin/nginx", "-t", "-q"),
    sites="/etc/nginx/sites-enabled",
    webroot="/var/www/acme",
    reload_hook="certbot/reload_nginx.sh",
    base=_base,
)


def _files(ctx: Context, hosts: tuple[Site, ...]) -> tuple[File | Absent, ...]:
    names = [name for host in hosts for name in host.names]
    others = sorted({*ctx.node.services.__struct_fields__} - {host.service for host in hosts})
    default = render("nginx/default.conf", ipv6=ctx.node.ipv6, names=names, webroot=NGINX.webroot)
    return (
        File("/etc/nginx/nginx.conf", render("nginx/nginx.conf")),
        File("/etc/nginx/snippets/hubctl-proxy.conf", render("nginx/proxy_headers.conf")),
        File(f"{NGINX.sites}/00-default.conf", default),
        Absent(f"{NGINX.sites}/default"),
        *(Absent(NGINX.site_path(name)) for name in others),
        _tunnels(ctx),
    )


def _tunnels(ctx: Context) -> File | Absent:
    """Return the loopback ports that lead into tunnels; `stream` stands beside `http`, where modules are loaded."""
    path = "/etc/nginx/modules-enabled/90-hubctl-tunnels.conf"
    ends = near_ends(ctx)
    return File(path, render("nginx/tunnels.conf", tunnels=ends)) if ends else Absent(path)
