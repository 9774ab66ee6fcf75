"""The names that a node answers to, as its inventory gives them."""

from __future__ import annotations

from dataclasses import dataclass

from ..inventory.services import service as services
from ..inventory.services.limits import WebLimits
from .context import Context


@dataclass(frozen=True)
class Site:
    """A service's place on the web.

    Args:
        service: the service's name.
        names: full host names, the certificate's own first; `*.` stands for any name below.
        limits: what one client may ask of it.
    """

    service: str
    names: tuple[str, ...]
    limits: WebLimits

    @property
    def name(self) -> str:
        """The main name, which is also the certificate's."""
        return self.names[0]

    @property
    def below(self) -> bool:
        """Whether it answers to any name below its own, which is proven in DNS."""
        return f"*.{self.name}" in self.names


def site(ctx: Context, service: str) -> Site:
    """Return the site of one of the node's services, which has a host name."""
    (found,) = (site for site in sites(ctx) if site.service == service)
    return found


def sites(ctx: Context) -> tuple[Site, ...]:
    """Return the sites of all the node's services that have one."""
    return tuple(
        Site(name, service.names(ctx.fleet.fqdn(service.hostname)), service.limits)
        for name, service in ctx.node.services.present().items()
        if isinstance(service, services.WebService) and service.hostname is not None
    )
