"""Workers of one service on several nodes: how many each has, the rules between them, and the tunnels that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ...errors import HubError
from ..draft import Draft, Keys, mistake
from ..shape import Label
from ..suggest import did_you_mean
from ..tunnel import DerivedTunnel, Tunnel

Number = Annotated[int, Meta(ge=1, le=64, description="tasks computed at the same time, 1 to 64")]
Workers = Annotated[
    Number | Annotated[dict[Label, Number], Meta(min_length=1)],
    Meta(
        description="tasks computed at the same time, 1 to 64; or that for each node that computes, by name"
    ),
]


def workers_of(node: str, workers: Workers) -> dict[str, int]:
    """Return how many workers each node has, by its name; `node` is the service's own."""
    return {node: workers} if isinstance(workers, int) else workers


@dataclass(frozen=True)
class Queue:
    """Where a service's workers get their tasks, the tunnels to it and the rules of `workers`.

    Args:
        service: the service's name.
        port: where the tunnels to the queue listen; while a key changes, the far end uses the next port, too.
    """

    service: str
    port: int

    @property
    def target(self) -> str:
        """What the tunnels lead to."""
        return f"{self.service}-queue"

    def tunnel(self, node: str) -> str:
        """Return the name of the tunnel to the queue on a node."""
        return f"{self.service.replace('_', '-')}-broker-{node}"

    def tunnels(self, node: str, workers: Workers) -> Mapping[str, Tunnel]:
        """Return the tunnel that workers on other nodes than the service's own need."""
        others = tuple(other for other in workers_of(node, workers) if other != node)
        if not others:
            return {}
        return {self.tunnel(node): DerivedTunnel(from_=others, to=node, listen=self.port, target=self.target)}

    def check(self, draft: Draft) -> Iterator[HubError]:
        """Yield the mistakes between workers and the rest of the inventory."""
        yield from self._are_on_nodes(draft)
        yield from self._work_for_one_api(draft)
        yield from self._tunnels_have_room(draft)

    def _are_on_nodes(self, draft: Draft) -> Iterator[HubError]:
        """Workers are on nodes of the inventory, the API's own among them: it computes when no other is reached."""
        nodes = [name for name, _ in draft.nodes()]
        for api, keys, workers in self._workers(draft):
            for node in workers:
                if node not in nodes:
                    yield mistake(
                        "unknown-node",
                        f"`workers` names the node `{node}`, which is not there",
                        draft.keys[(*keys, node)],
                        why=f"the nodes are: {', '.join(nodes)}",
                        hint=did_you_mean(node, nodes),
                    )
            if (*keys, api) not in draft.keys:
                yield mistake(
                    "missing-key",
                    f"`{api}` is missing in `nodes.{api}.services.{self.service}.workers`",
                    draft.keys[keys],
                    why="the API's own node computes, too: tasks go on when no other node can be reached",
                    hint=f"add `{api}: 1`",
                )

    def _work_for_one_api(self, draft: Draft) -> Iterator[HubError]:
        """A node computes for one service of the kind; one that has its own computes for that."""
        taken = {node: node for node, _, _ in draft.services(self.service)}
        for api, keys, workers in self._workers(draft):
            for node in workers:
                if taken.setdefault(node, api) != api:
                    yield mistake(
                        "workers-taken",
                        f"node `{node}` computes for the `{self.service}` of `{taken[node]}` already",
                        draft.keys[(*keys, node)],
                        hint=f"give each `{self.service}` nodes of its own",
                    )

    def _tunnels_have_room(self, draft: Draft) -> Iterator[HubError]:
        """No tunnel of the inventory has the name or the ports of those that workers need."""
        apis = [api for api, _, workers in self._workers(draft) if set(workers) - {api}]
        for name, tunnel in draft.tunnels() if apis else ():
            if name in map(self.tunnel, apis):
                text = f"`{name}` is the name of the tunnel that `workers` make"
                yield mistake(
                    "name-taken", text, draft.keys["tunnels", name], hint="call yours something else"
                )
            if abs(tunnel.get("listen", 0) - self.port) <= 1:
                yield mistake(
                    "port-taken",
                    f"tunnel `{name}` needs a port that the tunnels of `workers` use",
                    draft.values["tunnels", name, "listen"],
                    why=f"workers on other nodes reach the queue by the ports {self.port} and {self.port + 1}",
                    hint=f"take another `listen` than {self.port - 1} to {self.port + 1}",
                )

    def _workers(self, draft: Draft) -> Iterator[tuple[str, Keys, dict[str, int]]]:
        """Yield the workers that are given by node: the API's node, where they stand, and how many each has."""
        for node, keys, options in draft.services(self.service):
            workers = options.get("workers")
            if isinstance(workers, dict):
                yield node, (*keys, "workers"), workers
