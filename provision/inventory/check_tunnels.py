"""Rules between tunnels, their nodes and their services. Each check is a function of the draft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import HubError, Position
from .source import mistake
from .suggest import did_you_mean
from .walk import Draft, Keys


def check_tunnels(draft: Draft) -> Iterator[HubError]:
    """Yield the mistakes between tunnels and the rest of the inventory."""
    yield from ends_are_nodes(draft)
    yield from tunnels_lead_to_something(draft)
    yield from ports_are_free(draft)
    yield from proxies_have_a_tunnel(draft)
    yield from services_can_be_reached(draft)


def ends_are_nodes(draft: Draft) -> Iterator[HubError]:
    """A tunnel's ends are different nodes of the inventory."""
    nodes = list(draft.data.get("nodes", {}))
    for name, tunnel in _tunnels(draft):
        sources = _sources(tunnel)
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


def tunnels_lead_to_something(draft: Draft) -> Iterator[HubError]:
    """A tunnel leads to one service of the far node, or to one port of it."""
    for name, tunnel in _tunnels(draft):
        service = tunnel.get("service")
        given = [key for key in ("service", "port") if ("tunnels", name, key) in draft.keys]
        if len(given) != 1:
            yield mistake(
                "tunnel-target",
                f"tunnel `{name}` leads to {'a service and to a port' if given else 'nothing'}",
                _place(draft, name),
                hint="give it one of the two: `service: task_api` or `port: 5432`",
            )
        elif service is not None and service not in _services(draft, tunnel.get("to")):
            yield mistake(
                "tunnel-target",
                f"tunnel `{name}` leads to {service} of node `{tunnel.get('to')}`, which has no such service",
                _at(draft, name, "service"),
                hint=f"put `{service}` under `nodes.{tunnel.get('to')}.services`",
            )


def ports_are_free(draft: Draft) -> Iterator[HubError]:
    """A port is used once on a node: `listen` at both ends, the one after it at the far end."""
    used: dict[tuple[str, int], str] = {}
    for name, tunnel in _tunnels(draft):
        if "listen" not in tunnel:
            continue
        far = [(tunnel.get("to"), port) for port in (tunnel["listen"], tunnel["listen"] + 1)]
        near = [(node, tunnel["listen"]) for node in _sources(tunnel)]
        for node, port in (*far, *near):
            if node is not None and used.setdefault((node, port), name) != name:
                yield _port_taken(draft, name, node, port, f"tunnel `{used[node, port]}`")
                break
    for name, tunnel in _tunnels(draft):
        place = (tunnel.get("to", ""), tunnel.get("port", 0))
        if place in used:
            by = "its own far end" if used[place] == name else f"tunnel `{used[place]}`"
            yield _port_taken(draft, name, place[0], place[1], by)


def proxies_have_a_tunnel(draft: Draft) -> Iterator[HubError]:
    """A proxy uses a tunnel that begins at its node."""
    tunnels = dict(_tunnels(draft))
    for node, services in _all_services(draft):
        wanted = services.get("proxy", {}).get("tunnel")
        if wanted is None:
            continue
        where = draft.values["nodes", node, "services", "proxy", "tunnel"]
        if wanted not in tunnels:
            yield mistake(
                "unknown-tunnel",
                f"there is no tunnel `{wanted}`",
                where,
                why=f"the tunnels are: {', '.join(tunnels) or 'none'}",
                hint=did_you_mean(wanted, tunnels)
                or f"tunnels: {{{wanted}: {{from: {node}, to: …, service: …, listen: 8080}}}}",
            )
        elif node not in _sources(tunnels[wanted]):
            yield mistake(
                "unknown-tunnel",
                f"tunnel `{wanted}` does not begin at node `{node}`",
                where,
                hint=f"add `{node}` to `tunnels.{wanted}.from`",
            )


def services_can_be_reached(draft: Draft) -> Iterator[HubError]:
    """A service has a host name, or a tunnel that leads to it."""
    reached = {(tunnel.get("to"), tunnel.get("service")) for _, tunnel in _tunnels(draft)}
    for node, services in _all_services(draft):
        where = draft.keys["nodes", node, "services", "task_api"] if "task_api" in services else None
        given = ("nodes", node, "services", "task_api", "hostname") in draft.keys
        if where is not None and not given and (node, "task_api") not in reached:
            yield mistake(
                "missing-key",
                f"`hostname` is missing in `nodes.{node}.services.task_api`",
                where,
                why="expected: a host name relative to the fleet's domain, or @ for the domain itself",
                hint=f"only a service that a tunnel leads to needs none: `tunnels: {{NAME: {{to: {node}, …}}}}`",
            )


def _port_taken(draft: Draft, name: str, node: str, port: int, by: str) -> HubError:
    return mistake(
        "port-taken",
        f"tunnel `{name}` needs port {port} of node `{node}`, which {by} uses",
        _at(draft, name, "listen"),
        why="a tunnel uses `listen` at both ends, and the port after it at the far end while its key changes",
        hint="tunnels that share a node need `listen` ports at least two apart",
    )


def _tunnels(draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from draft.data.get("tunnels", {}).items()


def _all_services(draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in draft.data.get("nodes", {}).items():
        yield name, node.get("services", {})


def _services(draft: Draft, node: str | None) -> dict[str, Any]:
    services: dict[str, Any] = draft.data.get("nodes", {}).get(node, {}).get("services", {})
    return services


def _sources(tunnel: dict[str, Any]) -> list[str]:
    given = tunnel.get("from", [])
    return [given] if isinstance(given, str) else given


def _places(draft: Draft, name: str, tunnel: dict[str, Any]) -> Iterator[tuple[str, Position]]:
    """Yield the near ends, each with its place."""
    keys: Keys = ("tunnels", name, "from")
    for index, node in enumerate(_sources(tunnel)):
        yield node, draft.values.get((*keys, index), _at(draft, name, "from"))


def _at(draft: Draft, name: str, key: str) -> Position:
    return draft.values.get(("tunnels", name, key), _place(draft, name))


def _place(draft: Draft, name: str) -> Position:
    return draft.keys["tunnels", name]
