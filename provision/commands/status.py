"""hubctl status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .options import InventoryOption, JsonOption, NodesArgument, chosen_nodes, command, load_fleet
from .outcomes import describe_holder, show_errors

if TYPE_CHECKING:
    from ..actions.tunnels import Answer
    from ..output import Output

EXPIRES_SOON = 14  # days: certbot renews a month before the end, so it has been failing for a while


def status(nodes: NodesArgument = None, inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Show how the nodes are.

    Their processes (state, pid, uptime), releases, certificates, disk, tunnels, and what is due or under way.
    """
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..actions.status import status

        loaded = load_fleet(inventory)
        found = status(Job(loaded, Caller("status"), output), chosen_nodes(loaded, nodes))
        for item in found:
            if item.outcome.error is None:
                output.event("status", node=item.outcome.node, **item.outcome.data)
                _show(item.outcome.node, item.outcome.data, output)
                _show_tunnels(item.outcome.node, item.tunnels, output)
        show_errors([item.outcome for item in found], output)


def _show(node: str, data: dict[str, Any], output: Output) -> None:
    rows = [
        [
            item["name"],
            _state(item),
            str(item["pid"] or ""),
            _uptime(item),
            data["releases"].get(item["name"], ""),
        ]
        for item in data["processes"]
    ]
    from ..actions.tunnels import Answer

    output.table(node, ["process", "state", "pid", "uptime", "release"], rows)
    for name, heard in data.get("services", {}).items():
        output.result(f"  {name} {Answer(**heard)}")
    for name, days in data["certificates"].items():
        warning = (
            " — renewal is overdue: see journalctl -u certbot on the node" if days < EXPIRES_SOON else ""
        )
        output.result(f"  certificate {name}: {days:.0f} days left{warning}")
    disk = data["disk"]
    output.result(f"  disk: {disk['free'] / 1e9:.1f} of {disk['size'] / 1e9:.1f} GB free")
    if data["lock"]:
        output.result(f"  at work: {describe_holder(data['lock'])}")
    if data["pending"]:
        output.result(f"  due at the next deploy: {', '.join(data['pending'])}")


def _show_tunnels(node: str, tunnels: Mapping[str, Answer], output: Output) -> None:
    """Show whether something answers at the far end of each tunnel that begins at the node."""
    for name, answer in tunnels.items():
        output.event("tunnel", node=node, name=name, problem=answer.problem, ms=answer.ms)
        output.result(f"  tunnel {name}: the far end {answer}")


def _state(item: dict[str, Any]) -> str:
    state = "RUNNING" if item["active"] == "active" else str(item["active"]).upper()
    restarts = item["restarts"]
    return f"{state} ({restarts} restarts)" if restarts else state


def _uptime(item: dict[str, Any]) -> str:
    return str(timedelta(seconds=item["uptime"])) if item["uptime"] else ""
