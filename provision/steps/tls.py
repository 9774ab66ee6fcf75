"""HTTPS: a certificate that renews itself, and the site that uses it."""

from __future__ import annotations

from ..node.resources import Certificate, CheckedFiles, File, Packages, Resource, Unit
from ..render import render
from .context import Context
from .nginx import CHECK, WEBROOT, site_path
from .sites import Site

HOOK = "/etc/letsencrypt/renewal-hooks/deploy/hubctl-nginx"


def tls(ctx: Context, site: Site, template: str, **values: object) -> list[Resource]:
    """Return a site's certificate and its HTTPS configuration, in the order in which they can come to be.

    Args:
        ctx: the node.
        site: the site; nginx already answers for its names on port 80.
        template: the site's nginx template, which extends `nginx/https_site.conf`.
        values: what the template needs beyond `site` and `ipv6`.
    """
    content = render(template, site=site, ipv6=ctx.node.ipv6, **values)
    return [
        Packages(("certbot",)),
        File(HOOK, render("certbot/reload_nginx.sh"), mode=0o755),
        Unit("certbot.timer"),
        Certificate(
            name=site.name,
            domains=site.names,
            email=ctx.fleet.operator.email,
            server=ctx.acme_directory,
            webroot=WEBROOT,
        ),
        CheckedFiles(
            f"nginx-{site.service}",
            (File(site_path(site.service), content),),
            CHECK,
        ),
    ]
