"""nginx: the node's one door to the web, closed for names it does not serve."""

from __future__ import annotations

from ..node.resources import Absent, CheckedFiles, Directory, File, Firewall, Packages, Resource, Rule, Unit
from ..render import render
from .context import Context
from .sites import Site, sites
from .tunnel_ends import near_ends

CHECK = ("/usr/sbin/nginx", "-t", "-q")
WEBROOT = "/var/www/acme"


def nginx(ctx: Context) -> list[Resource]:
    """Return nginx with its base configuration; it reloads by itself when a site or a certificate changes."""
    hosts = sites(ctx)
    files = CheckedFiles("nginx", _files(ctx, hosts), CHECK)
    changes = [change for host in hosts for change in (f"certificate:{host.name}", site_group(host))]
    return [
        Packages(("libnginx-mod-stream", "nginx") if near_ends(ctx) else ("nginx",)),
        Firewall((Rule(80), Rule(443)) if hosts else ()),
        Directory(WEBROOT),
        files,
        Unit("nginx.service", reload_on=(files.id, *changes)),
    ]


def site_group(host: Site) -> str:
    """Return the id of the resource that holds a site's configuration."""
    return f"checked-files:nginx-{host.service}"


def site_path(service: str) -> str:
    """Return the file that holds a service's site."""
    return f"/etc/nginx/sites-enabled/{service}.conf"


def _files(ctx: Context, hosts: tuple[Site, ...]) -> tuple[File | Absent, ...]:
    names = [name for host in hosts for name in host.names]
    others = sorted({*ctx.node.services.__struct_fields__} - {host.service for host in hosts})
    default = render("nginx/default.conf", ipv6=ctx.node.ipv6, names=names, webroot=WEBROOT)
    return (
        File("/etc/nginx/nginx.conf", render("nginx/nginx.conf")),
        File("/etc/nginx/snippets/hubctl-proxy.conf", render("nginx/proxy.conf")),
        File("/etc/nginx/sites-enabled/00-default.conf", default),
        Absent("/etc/nginx/sites-enabled/default"),
        *(Absent(site_path(name)) for name in others),
        _tunnels(ctx),
    )


def _tunnels(ctx: Context) -> File | Absent:
    """Return the loopback ports that lead into tunnels; `stream` stands beside `http`, where modules are loaded."""
    path = "/etc/nginx/modules-enabled/90-hubctl-tunnels.conf"
    ends = near_ends(ctx)
    return File(path, render("nginx/tunnels.conf", tunnels=ends)) if ends else Absent(path)
