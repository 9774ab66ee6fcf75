"""notebook_api: the annotated cells of a notebook, asked over HTTPS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath

from ..inventory.services.notebook_api import NotebookApi
from ..node.resources import Resource
from ..secrets.model import newest, service_key
from ..steps import web
from ..steps.content import Content, Route
from ..steps.context import Context
from ..steps.released import Web, released, web_socket
from ..steps.tunnel import HEALTH, TunnelTarget
from ..steps.web import WEB_GROUP
from .recipe import Recipe

NAME = "notebook_api"
_START = 120  # seconds that the notebook's first run may take; its tests are run before
_BEYOND = 10  # seconds in which the service itself says that a request took too long


def _steps(ctx: Context, service: NotebookApi) -> list[Resource]:
    """Return the service; without a host name, only tunnels lead to its socket."""
    release = released(
        ctx,
        NAME,
        settings=_settings(ctx, service),
        web=Web(request=service.timeout + _BEYOND, template=f"systemd/{NAME}-web@.service"),
        probe_timeout=2 * _START,
    )
    if not service.hostname:
        return release
    content = Content(
        (Route(web_socket(NAME), silence=service.timeout + _BEYOND),),
        max_body=service.request_bytes,
        readers=service.cors_origins,
        policy="default-src 'none'; frame-ancestors 'none'",
    )
    return [*web.base(ctx), *release, *web.website(ctx, NAME, content)]


def _settings(ctx: Context, service: NotebookApi) -> str:
    """Return the text that `hub_runtime.notebook_api.settings` reads."""
    token = newest(ctx.keys.get(service_key(NAME), ())) if service.token else None
    settings = {
        "notebook": PurePath(service.notebook).name,
        "text": ctx.notebook,
        "folder": f"/var/lib/hub/{NAME}",
        "kernels": service.kernels,
        "timeout": service.timeout,
        "start_timeout": _START,
        "body_bytes": service.request_bytes,
        "cors_origins": service.cors_origins,
        "token": token.reveal() if token else None,
    }
    return json.dumps(settings, indent=2) + "\n"


def _secrets(service: NotebookApi) -> Sequence[str]:
    return (service_key(NAME),) if service.token else ()


RECIPE = Recipe(
    NAME,
    NotebookApi,
    _steps,
    secrets=_secrets,
    targets={NAME: TunnelTarget(web_socket(NAME), WEB_GROUP, HEALTH)},
)
