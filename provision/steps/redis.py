"""Redis: the queue and the results, kept on disk, out of reach of the network."""

from __future__ import annotations

from ..node.resources import Command, Directory, File, Packages, Resource, Unit
from ..render import render
from .context import Context
from .units import FOLDER, unit_files

SOCKET = "/run/redis/hub.sock"
GROUP = "redis"  # its members may use the socket
_CONFIG = "/etc/redis/hubctl.conf"
_UNIT = "redis-server.service"


def redis(_: Context) -> list[Resource]:
    """Return a Redis that loses no acknowledged write, on a Unix socket alone."""
    # The package's redis.conf stays as it is, so that its updates never ask about it.
    config = File(_CONFIG, render("redis/redis.conf", socket=SOCKET, maxmemory="512mb"), 0o640, group=GROUP)
    unit = unit_files(
        "redis", {f"{_UNIT}.d/hubctl.conf": render("redis/redis-server.service.conf", config=_CONFIG)}
    )
    # Saving forks the process, which a strict kernel refuses when half of the memory is in use.
    kernel = File("/etc/sysctl.d/60-hubctl-redis.conf", render("redis/sysctl.conf"))
    return [
        Packages(("redis-server",)),
        kernel,
        Command("redis-kernel", ("systemctl", "restart", "systemd-sysctl.service"), on=(kernel.id,)),
        config,
        Directory(f"{FOLDER}/{_UNIT}.d"),
        unit,
        Unit(_UNIT, restart_on=(config.id, unit.id)),
    ]
