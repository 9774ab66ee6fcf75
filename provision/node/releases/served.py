"""What is needed to run a built release, as its folder describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..errors import NodeError
from ..records import dataclass

UNHEALTHY = "release-unhealthy"
"""The code of the error that a release fails with which does not prove healthy."""


@dataclass(frozen=True)
class Served:
    """A release that serves, served or may serve. The fields are those of the resource `Release`.

    Descriptions lie on nodes for as long as their releases do, and were written by whatever version built them:
    what an older one did not write has its default here, and what a newer one wrote is passed over.
    """

    service: str
    release: str
    bundle: str = ""
    web: str = ""
    workers: tuple[str, ...] = ()
    shares_socket: bool = True
    probe_socket: str = ""
    probe_path: str = "/health"
    probe_timeout: int = 60
    drain_timeout: int = 60
    keep: int = 3
    built: str = ""
    """When, UTC, ISO 8601."""

    @property
    def web_unit(self) -> str:
        """The unit of the web process, or nothing."""
        return f"{self.web}@{self.release}.service" if self.web else ""

    @property
    def units(self) -> tuple[str, ...]:
        """All units, that of the web process first."""
        return tuple(f"{name}@{self.release}.service" for name in (self.web, *self.workers) if name)

    @property
    def probe_address(self) -> str:
        """The path of the release's own socket, or nothing."""
        return self.probe_socket.replace("{release}", self.release)

    def description(self) -> dict[str, Any]:
        """Return what `read` makes the same value of."""
        return asdict(self)


_DEFAULTS = {
    field.name: field.default for field in fields(Served) if field.name not in ("service", "release")
}


def read(data: object, service: str, release: str) -> Served:
    """Return a release by its description; whose it is says the place where it lies.

    Raises:
        NodeError: it is no description, or a field has another type than it had in all versions.
    """
    if not isinstance(data, Mapping):
        raise _damaged(service, release, "it is no object")
    values = {name: data[name] for name in _DEFAULTS if name in data}
    if isinstance(values.get("workers"), list) and all(isinstance(name, str) for name in values["workers"]):
        values["workers"] = tuple(values["workers"])
    for name, value in values.items():
        if type(value) is not type(_DEFAULTS[name]):
            raise _damaged(service, release, f"{name} is {value!r}"[:200])
    return Served(service, release, **values)


def _damaged(service: str, release: str, why: str) -> NodeError:
    return NodeError(
        "release-damaged",
        f"the description of release {release} of {service} is damaged",
        why=why,
        hint="it is release.json in the release's folder; move the folder away on the node, then deploy again",
    )
