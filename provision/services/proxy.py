"""proxy: a site whose requests go through a tunnel to a service on another node."""

from __future__ import annotations

from ..inventory.services.proxy import Proxy
from ..node.resources import Resource
from ..steps import web
from ..steps.content import Content, Route
from ..steps.context import Context
from ..steps.tunnel_ends import near_ends
from .recipe import Recipe

NAME = "proxy"
_MEGABYTE = 1 << 20


def _steps(ctx: Context, service: Proxy) -> list[Resource]:
    """Return the site; the tunnel itself is there already."""
    (end,) = (end for end in near_ends(ctx) if end.name == service.tunnel)
    route = Route(f"{end.host}:{end.port}", silence=service.timeout)
    content = Content((route,), max_body=service.max_body_mb * _MEGABYTE)
    return [*web.base(ctx), *web.website(ctx, NAME, content)]


RECIPE = Recipe(NAME, Proxy, _steps, released=False)
