"""Redis: a service's own queue and results, kept on disk, out of reach of the network and of other services."""

from __future__ import annotations

from dataclasses import dataclass

from ..node.resources import Command, Directory, File, Packages, Resource, Unit, User
from ..render import render
from .tunnel import Question, TunnelTarget
from .units import FOLDER, unit_files

_USER, _HOME, _SETTINGS = "redis", "/var/lib/redis", "/etc/redis"


@dataclass(frozen=True)
class Redis:
    """The instance of one service: no acknowledged write is lost, and only the service's group may use its socket.

    Args:
        service: name of the service, which is also that of its group.
        memory: what it may hold.
    """

    service: str
    memory: str = "512mb"

    @property
    def unit(self) -> str:
        """The unit: an instance of the package's own template."""
        return f"redis-server@{self.service}.service"

    @property
    def socket(self) -> str:
        """Where it listens."""
        return f"/run/redis-{self.service}/redis.sock"

    @property
    def folder(self) -> str:
        """Where its data are."""
        return f"{_HOME}/{self.service}"

    def data(self) -> Directory:
        """Return the folder of its data."""
        return Directory(self.folder, 0o750, owner=_USER, group=_USER)

    def account(self) -> list[Resource]:
        """Return the package's user and its folders; its home tells what ids it has if it must be made again.

        Where the home is gone, too, it has other ids, and the folder of its settings is closed to these.
        """
        return [
            User(_USER, home=_HOME),
            Directory(_HOME, 0o750, owner=_USER, group=_USER),
            Directory(_SETTINGS, 0o2770, owner=_USER, group=_USER),
        ]

    def target(self) -> TunnelTarget:
        """Return it as the far end of a tunnel."""
        return TunnelTarget(self.socket, self.service, Question("PING\r\n", "+PONG"), lasting=True)

    def resources(self) -> list[Resource]:
        """Return the instance; the service's user must be there."""
        name, data = f"redis-{self.service}", self.data()
        values = {"socket": self.socket, "folder": self.folder, "maxmemory": self.memory}
        config = File(
            f"{_SETTINGS}/{name}.conf", render("redis/redis.conf", **values), 0o640, group=self.service
        )
        drop_in = render("redis/redis-server.service.conf", group=self.service)
        unit = unit_files(name, {f"{self.unit}.d/hubctl.conf": drop_in})
        # Saving forks the process, which a strict kernel refuses when half of the memory is in use.
        kernel = File("/etc/sysctl.d/60-hubctl-redis.conf", render("redis/sysctl.conf"))
        return [
            Packages(("redis-server",)),
            kernel,
            Command("redis-kernel", ("systemctl", "restart", "systemd-sysctl.service"), on=(kernel.id,)),
            *self.account(),
            data,
            config,
            Directory(f"{FOLDER}/{self.unit}.d"),
            unit,
            # A folder that is made anew is not the one that a running server writes to.
            Unit(self.unit, restart_on=(config.id, unit.id, data.id)),
        ]
