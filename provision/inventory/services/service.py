"""What the inventory's services have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from ...errors import HubError
from ..draft import Draft, mistake
from ..shape import Hostname, Shape
from ..tunnel import Tunnel
from .limits import WebLimits


class Service(Shape):
    """A service of a node."""

    reachable: ClassVar[bool] = False
    """Whether a tunnel can lead to it."""

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:  # noqa: ARG003
        """Yield the mistakes between services of this kind and the rest of the inventory.

        Args:
            name: what the inventory calls the service.
            draft: what is valid of the inventory.
        """
        yield from ()

    def tunnels(self, node: str) -> Mapping[str, Tunnel]:  # noqa: ARG002
        """Return the tunnels, by name, that follow from the service's being on a node."""
        return {}


class WebService(Service):
    """A service with a place on the web; without a host name it is reached through a tunnel alone."""

    reachable: ClassVar[bool] = True

    hostname: Hostname | None = None
    www: Annotated[bool, Meta(description="whether it answers at www. before the host name, too")] = False
    limits: WebLimits = WebLimits()

    def names(self, fqdn: str) -> tuple[str, ...]:
        """Return all full names that it answers to, the one it is called by first; `*.` stands for any below."""
        return (fqdn, f"www.{fqdn}") if self.www else (fqdn,)

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:
        """A service has a host name, or a tunnel that leads to it."""
        reached = {(tunnel.get("to"), tunnel.get("service")) for _, tunnel in draft.tunnels()}
        for node, keys, _ in draft.services(name):
            if (*keys, "hostname") not in draft.keys and (node, name) not in reached:
                yield mistake(
                    "missing-key",
                    f"`hostname` is missing in `nodes.{node}.services.{name}`",
                    draft.keys[keys],
                    why="expected: a host name relative to the fleet's domain, or @ for the domain itself",
                    hint="only a service that a tunnel leads to needs none: "
                    f"`tunnels: {{NAME: {{to: {node}, …}}}}`",
                )
