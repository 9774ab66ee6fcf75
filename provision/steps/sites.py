"""The names that a node answers to, as its inventory gives them."""

from __future__ import annotations

from dataclasses import dataclass

from .context import Context


@dataclass(frozen=True)
class Site:
    """A service's place on the web.

    Args:
        service: the service's name.
        names: full host names, the certificate's own first.
    """

    service: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The main name, which is also the certificate's."""
        return self.names[0]


def site(ctx: Context, service: str) -> Site:
    """Return the site of one of the node's services, which has a host name."""
    shape = getattr(ctx.node.services, service)
    name = ctx.fleet.fqdn(shape.hostname)
    return Site(service, (name, f"www.{name}") if shape.www else (name,))


def sites(ctx: Context) -> tuple[Site, ...]:
    """Return the sites of all the node's services that have one."""
    services = ctx.node.services
    named = (
        name for name in services.__struct_fields__ if getattr(getattr(services, name), "hostname", None)
    )
    return tuple(site(ctx, name) for name in named)
