"""task_api: stable configurations of thermodynamic binding networks, computed by workers, asked for over HTTPS."""

from __future__ import annotations

import json
from typing import Any

from ..inventory.model import TaskApi
from ..inventory.workers import workers_of
from ..node.resources import CheckedFiles, Directory, File, Release, Resource, Unit, User
from ..render import render
from ..secrets.model import newest, service_key
from .base import ROOT as HUB
from .context import Context
from .nginx import nginx
from .redis import GROUP as REDIS_GROUP
from .redis import SOCKET as REDIS_SOCKET
from .redis import redis
from .runtime import UV, content_address, runtime
from .sites import site
from .tls import tls
from .units import unit_files

NAME = "task_api"
WORKER = f"{NAME}-worker"
ROOT = f"{HUB}/{NAME}"
RUN = "/run/hub-task_api"
SOCKET = f"{RUN}/web.sock"
_MAX_BODY = 2_000_000  # bytes of a request
_MAX_RESULT = 64_000_000  # bytes of a result, which Redis holds in memory
_REQUEST = 60  # seconds until nginx gives a request up
_GRACE = 60  # seconds a worker has beyond a task's own limit


def task_api(ctx: Context, service: TaskApi) -> list[Resource]:
    """Return the service with all it stands on; without a host name, only tunnels lead to its socket."""
    units = _units(service)
    settings = _settings(ctx, service)
    web = nginx(ctx) if service.hostname else []
    https = _https(ctx) if service.hostname else []
    return [
        *web,
        *redis(ctx),
        *runtime(ctx),
        User(NAME, home=ROOT, groups=(REDIS_GROUP,)),
        Directory(ROOT),
        units,
        # Never restarted: the releases hold its descriptor, and closing it would refuse requests.
        Unit(f"{NAME}.socket"),
        release(
            ctx,
            settings,
            units,
            web=NAME,
            probe_socket=f"{RUN}/probe-{{release}}.sock",
            drain_timeout=_REQUEST + 30,
        ),
        *https,
    ]


def _https(ctx: Context) -> list[Resource]:
    return tls(ctx, site(ctx, NAME), f"nginx/{NAME}.conf", socket=SOCKET, max_body=_MAX_BODY)


def release(ctx: Context, settings: str, units: CheckedFiles, **more: Any) -> Release:
    """Return a release of the service, with its worker.

    Args:
        ctx: the node.
        settings: text of its settings.
        units: the unit files that run it.
        **more: what else the release is given, where it has a web process.
    """
    texts = [file.content for file in units.files if isinstance(file, File)]
    return Release(
        service=NAME,
        release=content_address(ctx.bundle, settings, texts),
        bundle=ctx.bundle.sha256,
        requirements=ctx.bundle.requirements,
        settings=settings,
        uv=UV,
        workers=(WORKER,),
        **more,
    )


def settings_text(service: TaskApi, redis_url: str, workers: int, **more: object) -> str:
    """Return the text that `hub_runtime.task_api.settings` reads: what every worker needs, and more."""
    settings = {
        "redis_url": redis_url,
        "workers": workers,
        "timeout": service.timeout,
        "result_expires": service.result_expires,
        "limits": {"body_bytes": _MAX_BODY, "result_bytes": _MAX_RESULT},
        **more,
    }
    return json.dumps(settings, indent=2, sort_keys=True) + "\n"


def worker_unit(service: TaskApi, *, broker: str = "") -> str:
    """Return the template unit of workers.

    Args:
        service: the service.
        broker: the one address that a worker may reach, where the broker is on another node.
    """
    return _rendered(f"{WORKER}@.service", service, broker)


def _settings(ctx: Context, service: TaskApi) -> str:
    more: dict[str, object] = {"cors_origins": service.cors_origins}
    if service.operator_token and (token := newest(ctx.keys.get(service_key(NAME), ()))):
        more["operator_token"] = token.reveal()
    own = workers_of(ctx.name, service)[ctx.name]
    return settings_text(service, f"unix://{REDIS_SOCKET}?db=0", own, **more)


def _units(service: TaskApi) -> CheckedFiles:
    names = ("task_api.service", "task_api.socket", "task_api-probe@.socket", "task_api@.service")
    texts = {name: _rendered(name, service) for name in names}
    return unit_files(NAME, {**texts, f"{WORKER}@.service": worker_unit(service)})


def _rendered(name: str, service: TaskApi, broker: str = "") -> str:
    limit = service.timeout + _GRACE
    return render(f"systemd/{name}", root=ROOT, run=RUN, request=_REQUEST, task_limit=limit, broker=broker)
