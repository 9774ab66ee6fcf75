"""Workers of a `task_api` whose API is on another node: they reach its queue through a tunnel and open nothing."""

from __future__ import annotations

from ..inventory.model import TaskApi
from ..inventory.workers import BROKER_PORT, workers_elsewhere
from ..node.resources import Directory, Resource, User
from .context import Context
from .runtime import runtime
from .task_api import NAME, ROOT, WORKER, release, settings_text, worker_unit
from .tunnel_ends import ENTRY
from .units import unit_files

_REACHED = 300  # seconds for the broker to come within reach: both ends may be deployed at the same time


def task_api_workers(ctx: Context) -> list[Resource]:
    """Return the workers that the node has for the API of another node, if it has any."""
    for api, workers in workers_elsewhere(ctx.fleet).items():
        service = ctx.fleet.nodes[api].services.task_api
        if service is not None and ctx.name in workers:
            return _workers(ctx, service, workers[ctx.name])
    return []


def _workers(ctx: Context, service: TaskApi, number: int) -> list[Resource]:
    units = unit_files(NAME, {f"{WORKER}@.service": worker_unit(service, broker=ENTRY)})
    settings = settings_text(service, f"redis://{ENTRY}:{BROKER_PORT}/0", number)
    return [
        *runtime(ctx),
        User(NAME, home=ROOT),
        Directory(ROOT),
        units,
        release(ctx, settings, units, probe_timeout=_REACHED),
    ]
