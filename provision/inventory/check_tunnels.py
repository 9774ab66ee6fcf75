"""Rules between tunnels, their nodes and their services. Each check is a function of the draft."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..errors import HubError, Position
from .draft import Draft, Keys, mistake
from .suggest import did_you_mean
from .tunnel import sources_of


def check_tunnels(draft: Draft, reachable: Collection[str]) -> Iterator[HubError]:
    """Yield the mistakes between tunnels and the rest of the inventory.

    Args:
        draft: what is valid of the inventory.
        reachable: the services that a tunnel can lead to.
    """
    yield from ends_are_nodes(draft)
    yield from tunnels_lead_to_something(draft, reachable)
    yield from ports_are_free(draft)


def ends_are_nodes(draft: Draft) -> Iterator[HubError]:
    """A tunnel's ends are different nodes of the inventory."""
    nodes = [name for name, _ in draft.nodes()]
    for name, tunnel in draft.tunnels():
        sources = sources_of(tunnel)
        if "from" in tunnel and not sources:
            where = draft.values["tunnels", name, "from"]
            yield mistake(
                "empty", f"`tunnels.{name}.from` is empty", where, hint="name the nodes that use it"
            )
        for node, where in (*_places(draft, name, tunnel), (tunnel.get("to"), _at(draft, name, "to"))):
            if node is not None and node not in nodes:
                yield mistake(
                    "unknown-node",
                    f"tunnel `{name}` names the node `{node}`, which is not there",
                    where,
                    why=f"the nodes are: {', '.join(nodes)}",
                    hint=did_you_mean(node, nodes),
                )
        if tunnel.get("to") in sources:
            text = f"tunnel `{name}` leads from `{tunnel['to']}` to itself"
            yield mistake("tunnel-to-itself", text, _at(draft, name, "from"))
        if len(set(sources)) < len(sources):
            yield mistake(
                "duplicate-end", f"`tunnels.{name}.from` names a node twice", _at(draft, name, "from")
            )


def tunnels_lead_to_something(draft: Draft, reachable: Collection[str]) -> Iterator[HubError]:
    """A tunnel leads to one service of the far node, or to one port of it."""
    there = {(node, service) for node, parts in draft.nodes() for service in parts.get("services", {})}
    for name, tunnel in draft.tunnels():
        service = tunnel.get("service")
        given = [key for key in ("service", "port") if ("tunnels", name, key) in draft.keys]
        if len(given) != 1:
            yield mistake(
                "tunnel-target",
                f"tunnel `{name}` leads to {'a service and to a port' if given else 'nothing'}",
                _place(draft, name),
                hint="give it one of the two: `service: task_api` or `port: 5432`",
            )
        elif service is not None and service not in reachable:
            yield mistake(
                "not-a-choice",
                f'`tunnels.{name}.service` cannot be "{service}"',
                _at(draft, name, "service"),
                why=f"the choices are: {', '.join(reachable)}",
                hint=did_you_mean(service, reachable),
            )
        elif service is not None and (tunnel.get("to"), service) not in there:
            yield mistake(
                "tunnel-target",
                f"tunnel `{name}` leads to {service} of node `{tunnel.get('to')}`, which has no such service",
                _at(draft, name, "service"),
                hint=f"put `{service}` under `nodes.{tunnel.get('to')}.services`",
            )


def ports_are_free(draft: Draft) -> Iterator[HubError]:
    """A port is used once on a node: `listen` at both ends, the one after it at the far end."""
    used: dict[tuple[str, int], str] = {}
    for name, tunnel in draft.tunnels():
        if "listen" not in tunnel:
            continue
        far = [(tunnel.get("to"), port) for port in (tunnel["listen"], tunnel["listen"] + 1)]
        near = [(node, tunnel["listen"]) for node in sources_of(tunnel)]
        for node, port in (*far, *near):
            if node is not None and used.setdefault((node, port), name) != name:
                yield _port_taken(draft, name, node, port, f"tunnel `{used[node, port]}`")
                break
    for name, tunnel in draft.tunnels():
        place = (tunnel.get("to", ""), tunnel.get("port", 0))
        if place in used:
            by = "its own far end" if used[place] == name else f"tunnel `{used[place]}`"
            yield _port_taken(draft, name, place[0], place[1], by)


def _port_taken(draft: Draft, name: str, node: str, port: int, by: str) -> HubError:
    return mistake(
        "port-taken",
        f"tunnel `{name}` needs port {port} of node `{node}`, which {by} uses",
        _at(draft, name, "listen"),
        why="a tunnel uses `listen` at both ends, and the port after it at the far end while its key changes",
        hint="tunnels that share a node need `listen` ports at least two apart",
    )


def _places(draft: Draft, name: str, tunnel: dict[str, Any]) -> Iterator[tuple[str, Position]]:
    """Yield the near ends, each with its place."""
    keys: Keys = ("tunnels", name, "from")
    for index, node in enumerate(sources_of(tunnel)):
        yield node, draft.values.get((*keys, index), _at(draft, name, "from"))


def _at(draft: Draft, name: str, key: str) -> Position:
    return draft.values.get(("tunnels", name, key), _place(draft, name))


def _place(draft: Draft, name: str) -> Position:
    return draft.keys["tunnels", name]
