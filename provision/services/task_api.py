"""task_api: stable configurations of thermodynamic binding networks, computed by workers, asked for over HTTPS."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..inventory.services.task_api import QUEUE, TaskApi
from ..inventory.services.workers import workers_of
from ..node.resources import Absent, Command, Directory, File, Resource, Unit
from ..render import render
from ..secrets.model import newest, service_key
from ..steps import web
from ..steps.content import Content, Route
from ..steps.context import Context
from ..steps.redis import Redis
from ..steps.released import Web, Worker, released, web_socket
from ..steps.tunnel import HEALTH, TunnelTarget
from ..steps.tunnel_ends import ENTRY
from ..steps.units import FOLDER, unit_files
from ..steps.web import WEB_GROUP
from .recipe import Recipe

NAME = "task_api"
_REDIS = Redis(NAME)
_GRACE = 60  # seconds a worker has beyond a task's own limit
_REACHED = 300  # seconds for the broker to come within reach: both ends may be deployed at the same time


def _steps(ctx: Context, service: TaskApi) -> list[Resource]:
    """Return the service with all it stands on; without a host name, only tunnels lead to its socket."""
    site = _site(ctx, service) if service.hostname else []
    return [
        *(web.base(ctx) if service.hostname else []),
        *_former_redis(),
        *_REDIS.resources(),
        *released(
            ctx,
            NAME,
            settings=_settings(ctx, service),
            web=Web(needs=(_REDIS.unit,)),
            workers=(_worker(service, _REDIS.unit),),
        ),
        *site,
    ]


def _site(ctx: Context, service: TaskApi) -> list[Resource]:
    content = Content(
        (Route(web_socket(NAME)),),
        max_body=service.limits.request_bytes,
        readers=tuple(service.cors_origins),
        policy="default-src 'none'; frame-ancestors 'none'",
    )
    return web.website(ctx, NAME, content)


def _workers_elsewhere(ctx: Context) -> list[Resource]:
    """Return the workers that the node has for the API of another node: they reach its queue through a tunnel."""
    for api, node in ctx.fleet.nodes.items():
        service = node.services.task_api
        if service is None or api == ctx.name:
            continue
        if number := workers_of(api, service.workers).get(ctx.name):
            url = f"redis://{ENTRY}:{QUEUE.port}/0"
            return released(
                ctx,
                NAME,
                settings=_settings_text(service, url, number),
                workers=(_worker(service, web.server(ctx).entry, broker=ENTRY),),  # it leads into the tunnel
                probe_timeout=_REACHED,
            )
    return []


def _worker(service: TaskApi, need: str, *, broker: str = "") -> Worker:
    return Worker(
        template=f"systemd/{NAME}-worker@.service",
        needs=(need,),
        stop=service.timeout + _GRACE,
        broker=broker,
    )


def _settings(ctx: Context, service: TaskApi) -> str:
    more: dict[str, object] = {"cors_origins": service.cors_origins}
    if service.operator_token and (token := newest(ctx.keys.get(service_key(NAME), ()))):
        more["operator_token"] = token.reveal()
    own = workers_of(ctx.name, service.workers)[ctx.name]
    return _settings_text(service, f"unix://{_REDIS.socket}?db=0", own, **more)


def _settings_text(service: TaskApi, redis_url: str, workers: int, **more: object) -> str:
    """Return the text that `hub_runtime.task_api.settings` reads: what every worker needs, and more."""
    settings = {
        "redis_url": redis_url,
        "workers": workers,
        "timeout": service.timeout,
        "result_expires": service.result_expires,
        "limits": {
            "body_bytes": service.limits.request_bytes,
            "result_bytes": service.limits.result_bytes,
            "waiting_bytes": service.limits.waiting_bytes,
            "client_bytes": service.limits.client_bytes,
        },
        **more,
    }
    return json.dumps(settings, indent=2, sort_keys=True) + "\n"


def _former_redis() -> list[Resource]:
    """Return what moves a node over from the package's one Redis, which it had before each service got its own.

    The queue goes along, and releases from before find it where it was.
    """
    data, own = "/var/lib/redis/appendonlydir", f"{_REDIS.folder}/appendonlydir"
    former = "redis-server.service"
    link = File("/etc/tmpfiles.d/hubctl-redis.conf", render("redis/tmpfiles.conf", socket=_REDIS.socket))
    move = Command(
        f"redis-{NAME}-data",
        ("mv", "--no-target-directory", data, own),
        # Where both are there, an earlier hubctl was at work once more: nothing of either is overwritten.
        unless=("test", "!", "-e", data, "-o", "-e", own),
    )
    return [
        Directory(f"{FOLDER}/{former}.d"),
        unit_files("redis-former", {f"{former}.d/hubctl.conf": render("redis/former.service.conf")}),
        Unit(former, enabled=False, running=False),
        *_REDIS.account(),
        Absent("/etc/redis/hubctl.conf"),
        _REDIS.data(),
        move,
        link,
        Command("redis-former-socket", ("systemd-tmpfiles", "--create", link.path), on=(move.id, link.id)),
    ]


def _secrets(service: TaskApi) -> Sequence[str]:
    return (service_key(NAME),) if service.operator_token else ()


RECIPE = Recipe(
    NAME,
    TaskApi,
    _steps,
    elsewhere=_workers_elsewhere,
    secrets=_secrets,
    targets={NAME: TunnelTarget(web_socket(NAME), WEB_GROUP, HEALTH), QUEUE.target: _REDIS.target()},
    alone=(_REDIS.unit,),
)
