"""Which nodes compute for which `task_api`, and the tunnels that follow from it."""

from __future__ import annotations

import msgspec

from .model import BrokerTunnel, Fleet, TaskApi

BROKER_PORT = 6390
"""Where the tunnels to a broker listen; while a key changes, the next port of the far end is used, too."""


def workers_of(api_node: str, service: TaskApi) -> dict[str, int]:
    """Return how many tasks of a `task_api` each node computes at the same time, by the node's name."""
    return {api_node: service.workers} if isinstance(service.workers, int) else service.workers


def workers_elsewhere(fleet: Fleet) -> dict[str, dict[str, int]]:
    """Return the workers on other nodes than the API's own, by the API's node."""
    found = {}
    for name, node in fleet.nodes.items():
        if node.services.task_api is not None:
            workers = workers_of(name, node.services.task_api)
            found[name] = {other: number for other, number in workers.items() if other != name}
    return {name: workers for name, workers in found.items() if workers}


def broker_tunnel(api_node: str) -> str:
    """Return the name of the tunnel to the broker on a node."""
    return f"task-api-broker-{api_node}"


def with_broker_tunnels(fleet: Fleet) -> Fleet:
    """Return the fleet with the tunnels that its workers need."""
    tunnels = {
        broker_tunnel(name): BrokerTunnel(from_=tuple(workers), to=name, listen=BROKER_PORT)
        for name, workers in workers_elsewhere(fleet).items()
    }
    return msgspec.structs.replace(fleet, tunnels={**fleet.tunnels, **tunnels})
