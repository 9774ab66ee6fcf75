"""What a web server is to hubctl, whichever program it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..node.resources import Former, Resource
from .context import Context
from .sites import Site


@dataclass(frozen=True)
class WebServer:
    """A node's one door to the web.

    Args:
        name: the program, which is also the folder of its templates.
        unit: its unit.
        check: the command that reads its whole configuration.
        sites: folder of its sites' files.
        webroot: folder in which certificate authorities look for their proofs.
        reload_hook: template of the script that lets it take up a renewed certificate.
        base: its resources without any site, given those that must be there before it can start; it reloads by
            itself when a site or a certificate changes.
        former: what ends of it once another takes its place.
        entry: the unit that leads loopback ports into tunnels.
    """

    name: str
    unit: str
    check: tuple[str, ...]
    sites: str
    webroot: str
    reload_hook: str
    base: Callable[[Context, Sequence[Resource]], list[Resource]]
    former: Callable[[Context], Former]
    entry: str

    @property
    def hook(self) -> str:
        """The script that certbot runs after a renewal."""
        return f"/etc/letsencrypt/renewal-hooks/deploy/hubctl-{self.name}"

    def site_path(self, service: str) -> str:
        """Return the file that holds a service's site."""
        return f"{self.sites}/{service}.conf"

    def site_group(self, service: str) -> str:
        """Return the name of the checked group that holds a service's site."""
        return f"{self.name}-{service}"

    def causes(self, site: Site) -> tuple[str, ...]:
        """Return the resources of a site that make it reload."""
        return (f"certificate:{site.name}", f"checked-files:{self.site_group(site.service)}")


def site_paths(ctx: Context, server: WebServer, but: Sequence[Site] = ()) -> list[str]:
    """Return the files that a server's sites may have on the node, but for some sites."""
    names = {*ctx.node.services.__struct_fields__} - {site.service for site in but}
    return [server.site_path(name) for name in sorted(names)]
