"""Rules between the workers of `task_api`, their nodes and tunnels. Each check is a function of the draft."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import HubError
from .source import mistake
from .suggest import did_you_mean
from .walk import Draft, Keys
from .workers import BROKER_PORT, broker_tunnel


def check_workers(draft: Draft) -> Iterator[HubError]:
    """Yield the mistakes between workers and the rest of the inventory."""
    yield from workers_are_on_nodes(draft)
    yield from nodes_work_for_one_api(draft)
    yield from broker_tunnels_have_room(draft)


def workers_are_on_nodes(draft: Draft) -> Iterator[HubError]:
    """Workers are on nodes of the inventory, the API's own among them: it computes when no other can be reached."""
    nodes = list(draft.data.get("nodes", {}))
    for api, keys, workers in _workers(draft):
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
                f"`{api}` is missing in `nodes.{api}.services.task_api.workers`",
                draft.keys[keys],
                why="the API's own node computes, too: tasks go on when no other node can be reached",
                hint=f"add `{api}: 1`",
            )


def nodes_work_for_one_api(draft: Draft) -> Iterator[HubError]:
    """A node computes for one `task_api`; one that has its own computes for that."""
    taken = {
        name: name
        for name, node in draft.data.get("nodes", {}).items()
        if "task_api" in node.get("services", {})
    }
    for api, keys, workers in _workers(draft):
        for node in workers:
            if taken.setdefault(node, api) != api:
                yield mistake(
                    "workers-taken",
                    f"node `{node}` computes for the `task_api` of `{taken[node]}` already",
                    draft.keys[(*keys, node)],
                    hint="give each `task_api` nodes of its own",
                )


def broker_tunnels_have_room(draft: Draft) -> Iterator[HubError]:
    """No tunnel of the inventory has the name or the ports of those that workers need."""
    apis = [api for api, _, workers in _workers(draft) if set(workers) - {api}]
    for name, tunnel in draft.data.get("tunnels", {}).items() if apis else ():
        if name in map(broker_tunnel, apis):
            text = f"`{name}` is the name of the tunnel that `workers` make"
            yield mistake("name-taken", text, draft.keys["tunnels", name], hint="call yours something else")
        if abs(tunnel.get("listen", 0) - BROKER_PORT) <= 1:
            yield mistake(
                "port-taken",
                f"tunnel `{name}` needs a port that the tunnels of `workers` use",
                draft.values["tunnels", name, "listen"],
                why=f"workers on other nodes reach the queue by the ports {BROKER_PORT} and {BROKER_PORT + 1}",
                hint=f"take another `listen` than {BROKER_PORT - 1} to {BROKER_PORT + 1}",
            )


def _workers(draft: Draft) -> Iterator[tuple[str, Keys, dict[str, int]]]:
    """Yield the workers that are given by node: the API's node, where they stand, and how many each has."""
    for name, node in draft.data.get("nodes", {}).items():
        workers = node.get("services", {}).get("task_api", {}).get("workers")
        if isinstance(workers, dict):
            yield name, ("nodes", name, "services", "task_api", "workers"), workers
