"""proxy: a site whose requests go through a tunnel to a service on another node."""

from __future__ import annotations

from ..inventory.model import Proxy
from ..node.resources import Resource
from .context import Context
from .nginx import nginx
from .sites import site
from .tls import tls
from .tunnel_ends import near_ends

NAME = "proxy"


def proxy(ctx: Context, service: Proxy) -> list[Resource]:
    """Return the site; the tunnel itself is there already."""
    (end,) = (end for end in near_ends(ctx) if end.name == service.tunnel)
    values = {"end": end, "timeout": service.timeout, "max_body_mb": service.max_body_mb}
    return [*nginx(ctx), *tls(ctx, site(ctx, NAME), "nginx/proxy_site.conf", **values)]
