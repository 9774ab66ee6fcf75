"""task_api in the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta

from ...errors import HubError
from ..draft import Draft
from ..shape import Origin
from ..tunnel import Tunnel
from .limits import TaskLimits
from .service import WebService
from .workers import Queue, Workers

QUEUE = Queue("task_api", 6390)


class TaskApi(WebService):
    """Stable configurations of thermodynamic binding networks, as tasks over HTTP.

    Without a host name it is reached through a tunnel alone.
    """

    workers: Workers = 1
    timeout: Annotated[int, Meta(ge=1, le=86400, description="seconds a task may compute, 1 to 86400")] = 90
    result_expires: Annotated[
        int, Meta(ge=1, le=86400, description="seconds a result is kept, 1 to 86400")
    ] = 300
    cors_origins: Annotated[
        tuple[Origin, ...], Meta(description="web origins whose pages may call the API, or *")
    ] = ("*",)
    operator_token: Annotated[
        bool,
        Meta(description="whether a token, kept among the secrets, opens /tasks and /metrics from outside"),
    ] = False
    limits: TaskLimits = TaskLimits()

    @classmethod
    def check(cls, name: str, draft: Draft) -> Iterator[HubError]:
        """It can be reached, and its workers are where they can be."""
        yield from super().check(name, draft)
        yield from QUEUE.check(draft)

    def tunnels(self, node: str) -> Mapping[str, Tunnel]:
        """Return the tunnel by which workers on other nodes reach the queue."""
        return QUEUE.tunnels(node, self.workers)
