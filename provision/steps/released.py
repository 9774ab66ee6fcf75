"""Services from the bundled runtime: a user, unit files, sockets and releases that replace each other in flight.

What is in `hub_runtime/<service>/` runs as `python -m hub_runtime.<service>.web`, which serves HTTP on the sockets
that systemd holds, and `python -m hub_runtime.<service>.<worker>`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ..node.releases.home import ROOT as HUB
from ..node.resources import Directory, File, Release, Resource, Unit, User
from ..render import render
from .context import Context
from .runtime import UV, content_address, runtime
from .units import unit_files

_DRAIN_SECONDS = 30  # beyond a request's own limit


@dataclass(frozen=True)
class Web:
    """A service's web process.

    Args:
        needs: units that it cannot do without.
        request: seconds until the web server gives a request up.
        template: the unit; one of the service's own extends `systemd/web@.service` by its blocks.
    """

    needs: tuple[str, ...] = ()
    request: int = 60
    template: str = "systemd/web@.service"


@dataclass(frozen=True)
class Worker:
    """A service's process without a socket, started and stopped with its release.

    Args:
        name: the module below the service's package, and the end of the unit's name.
        needs: units that it cannot do without.
        stop: seconds it has to finish what it holds.
        broker: the one address that it may reach, where its broker is on another node.
        template: the unit; one of the service's own extends `systemd/worker@.service` by its blocks.
    """

    name: str = "worker"
    needs: tuple[str, ...] = ()
    stop: int = 60
    broker: str = ""
    template: str = "systemd/worker@.service"


def web_socket(service: str) -> str:
    """Return the socket at which a service's web process is asked."""
    return f"{_run(service)}/web.sock"


def released(
    ctx: Context,
    service: str,
    *,
    settings: str,
    web: Web | None = None,
    workers: Sequence[Worker] = (),
    groups: tuple[str, ...] = (),
    probe_timeout: int = 60,
) -> list[Resource]:
    """Return a service from the bundled runtime.

    Args:
        ctx: the node.
        service: the service's name, which is also its user's and its package's.
        settings: text of the release's `settings.json`; may hold secrets.
        web: its web process, if it has one here.
        workers: its other processes.
        groups: further groups of its user.
        probe_timeout: seconds a release has to become healthy.
    """
    bundle = ctx.bundle(service)
    texts = {**(_web_units(service, web) if web else {}), **_worker_units(service, workers)}
    units = unit_files(service, texts)
    home = _home(service)
    return [
        *runtime(ctx),
        User(service, home=home, groups=groups),
        Directory(
            home, group=service
        ),  # its home, which tells what id the group has if it must be made again
        units,
        # Never restarted: the releases hold its descriptor, and closing it would refuse requests.
        *([Unit(f"{service}.socket")] if web else []),
        Release(
            service=service,
            release=content_address(
                bundle, settings, [f.content for f in units.files if isinstance(f, File)]
            ),
            bundle=bundle.sha256,
            requirements=bundle.requirements,
            settings=settings,
            shown=_of_inventory(ctx, service, settings),
            uv=UV,
            web=service if web else "",
            workers=tuple(f"{service}-{worker.name}" for worker in workers),
            probe_socket=f"{_run(service)}/probe-{{release}}.sock" if web else "",
            probe_timeout=probe_timeout,
            drain_timeout=(web.request if web else 0) + _DRAIN_SECONDS,
        ),
    ]


def _of_inventory(ctx: Context, service: str, settings: str) -> tuple[str, ...]:
    """Return the names of settings that are as an inventory has them, which are no secrets."""
    shapes = (node.services.present().get(service) for node in ctx.fleet.nodes.values())
    given = [json.loads(msgspec.json.encode(shape)) for shape in shapes if shape is not None]
    return tuple(
        name
        for name, value in json.loads(settings).items()
        if any(name in each and each[name] == value for each in given)
    )


def _web_units(service: str, web: Web) -> dict[str, str]:
    templates = {
        f"{service}.service": "systemd/web.service",
        f"{service}.socket": "systemd/web.socket",
        f"{service}-probe@.socket": "systemd/web-probe@.socket",
        f"{service}@.service": web.template,
    }
    values = {**_places(service), "needs": web.needs, "request": web.request}
    return {unit: render(template, **values) for unit, template in templates.items()}


def _worker_units(service: str, workers: Sequence[Worker]) -> dict[str, str]:
    return {
        f"{service}-{worker.name}@.service": render(
            worker.template,
            **_places(service),
            module=worker.name,
            needs=worker.needs,
            stop=worker.stop,
            broker=worker.broker,
        )
        for worker in workers
    }


def _places(service: str) -> dict[str, object]:
    return {"service": service, "root": _home(service), "run": _run(service)}


def _home(service: str) -> str:
    return f"{HUB}/{service}"


def _run(service: str) -> str:
    return f"/run/hub-{service}"
