"""dashboard in the inventory."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import HubError
from ..draft import Draft, mistake
from .service import Service


class Dashboard(Service):
    """What the class of a jupyterhub is doing, on that hub's own site: saves, ends of notebooks, raised hands."""

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:
        """It stands beside a hub."""
        hubs = {node for node, _, _ in draft.services("jupyterhub")}
        for node, keys, _ in draft.services(name):
            if node not in hubs:
                yield mistake(
                    "missing-service",
                    f"`nodes.{node}.services.{name}` has no `jupyterhub` beside it",
                    draft.keys[keys],
                    why="the dashboard shows the users of a hub on the same node, at the hub's own address",
                    hint="add a `jupyterhub` to the node, or take the dashboard away",
                )
