"""nginx: closed for names that the node does not serve."""

from __future__ import annotations

from collections.abc import Sequence

from ..node.resources import (
    Absent,
    CheckedFiles,
    Directory,
    File,
    Former,
    Packages,
    Resource,
    Unit,
)
from ..render import render
from .context import Context
from .door import door
from .sites import Site, sites
from .tunnel_ends import near_ends
from .webserver import WebServer, site_paths

_WELCOME = "/etc/nginx/sites-enabled/default"
_HEADERS = "/etc/nginx/snippets/hubctl-proxy.conf"
_TUNNELS = "/etc/nginx/modules-enabled/90-hubctl-tunnels.conf"
_CONNECTIONS = 2048
"""Of one address, a quarter of what a process of nginx holds: it counts requests itself."""


def _base(ctx: Context, former: Sequence[Resource]) -> list[Resource]:
    hosts = sites(ctx)
    files = CheckedFiles("nginx", _files(ctx, hosts), NGINX.check)
    changes = [cause for host in hosts for cause in NGINX.causes(host)]
    folders = (Directory("/var/lib/nginx"), Directory("/var/log/nginx", group="adm"))
    return [
        Packages(("libnginx-mod-stream", "nginx") if near_ends(ctx) else ("nginx",)),
        *door(hosts, least=_CONNECTIONS),
        # The package's own: without them it accepts no configuration. At a reload it fills them again.
        *folders,
        Directory(NGINX.webroot),
        files,
        *former,
        Unit(NGINX.unit, reload_on=(files.id, *(folder.id for folder in folders), *changes)),
    ]


def _files(ctx: Context, hosts: tuple[Site, ...]) -> tuple[File | Absent, ...]:
    names = [name for host in hosts for name in host.names]
    default = render("nginx/default.conf", ipv6=ctx.node.ipv6, names=names, webroot=NGINX.webroot)
    return (
        File("/etc/nginx/nginx.conf", render("nginx/nginx.conf")),
        File(_HEADERS, render("nginx/proxy_headers.conf")),
        File(f"{NGINX.sites}/00-default.conf", default),
        Absent(_WELCOME),
        *(Absent(path) for path in site_paths(ctx, NGINX, but=hosts)),
        _tunnels(ctx),
    )


def _tunnels(ctx: Context) -> File | Absent:
    """Return the loopback ports that lead into tunnels; `stream` stands beside `http`, where modules are loaded."""
    ends = near_ends(ctx)
    return File(_TUNNELS, render("nginx/tunnels.conf", tunnels=ends)) if ends else Absent(_TUNNELS)


def _former(ctx: Context) -> Former:
    files = {file.path for file in _files(ctx, ()) if isinstance(file, File)}
    gone = files | {_TUNNELS, NGINX.hook, *site_paths(ctx, NGINX)}
    return Former(NGINX.name, _HEADERS, _WELCOME, (NGINX.unit,), tuple(sorted(gone - {_HEADERS})))


NGINX = WebServer(
    name="nginx",
    unit="nginx.service",
    check=("/usr/sbin/nginx", "-t", "-q"),
    sites="/etc/nginx/sites-enabled",
    webroot="/var/www/acme",
    reload_hook="certbot/reload_nginx.sh",
    base=_base,
    former=_former,
    entry="nginx.service",
)
