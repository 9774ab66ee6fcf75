"""proxy in the inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from ...errors import HubError
from ..draft import Draft, mistake
from ..shape import Hostname, Label
from ..suggest import did_you_mean
from ..tunnel import sources_of
from .service import WebService


class Proxy(WebService, kw_only=True):
    """A site that passes its requests through a tunnel to a service on another node."""

    reachable: ClassVar[bool] = False

    hostname: Hostname
    tunnel: Label
    timeout: Annotated[
        int, Meta(ge=1, le=3600, description="seconds the service may stay silent, 1 to 3600")
    ] = 60
    max_body_mb: Annotated[
        int, Meta(ge=1, le=4096, description="megabytes a request may have, 1 to 4096")
    ] = 10

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:
        """A proxy uses a tunnel that begins at its node."""
        tunnels = dict(draft.tunnels())
        for node, keys, options in draft.services(name):
            wanted = options.get("tunnel")
            if wanted is None:
                continue
            where = draft.values[*keys, "tunnel"]
            if wanted not in tunnels:
                yield mistake(
                    "unknown-tunnel",
                    f"there is no tunnel `{wanted}`",
                    where,
                    why=f"the tunnels are: {', '.join(tunnels) or 'none'}",
                    hint=did_you_mean(wanted, tunnels)
                    or f"tunnels: {{{wanted}: {{from: {node}, to: …, service: …, listen: 8080}}}}",
                )
            elif node not in sources_of(tunnels[wanted]):
                yield mistake(
                    "unknown-tunnel",
                    f"tunnel `{wanted}` does not begin at node `{node}`",
                    where,
                    hint=f"add `{node}` to `tunnels.{wanted}.from`",
                )
