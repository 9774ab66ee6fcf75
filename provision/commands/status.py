"""hubctl status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import HubError
from .options import InventoryOption, JsonOption, NodesArgument, chosen_nodes, command, load_fleet
from .outcomes import show_errors

if TYPE_CHECKING:
    from ..output import Output
    from ..transport.answers import Heard, Process, Room, Status

EXPIRES_SOON = 14  # days: certbot renews a month before the end, so it has been failing for a while


def status(nodes: NodesArgument = None, inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Show how the nodes are.

    Their processes (state, pid, uptime), releases, certificates, disk, tunnels, and what is due or under way.
    The exit code is 1 where a unit of the last deploy is not up, or a certificate is missing.
    """
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..actions.status import status
        from ..transport.answers import plain

        loaded = load_fleet(inventory)
        found = status(Job(loaded, Caller("status"), output), chosen_nodes(loaded, nodes))
        for item in found:
            if item.outcome.error is None:
                output.event("status", node=item.outcome.node, **plain(item.outcome.data))
                _show(item.outcome.node, item.outcome.data, output)
                _show_tunnels(item.outcome.node, item.tunnels, output)
                item.outcome.error = _unwell(item.outcome.node, item.outcome.data)
        show_errors([item.outcome for item in found], output)


def _unwell(node: str, data: Status) -> HubError | None:
    """Return what is not as the last deploy left it."""
    found = [*data.down, *(f"certificate {name} is missing" for name in data.missing)]
    if not found:
        return None
    hint = f"`hubctl plan {node}` shows what a deploy mends, `hubctl deploy {node}` mends it"
    return HubError("not-well", f"{node} is not as it was deployed", why="\n".join(found), hint=hint)


def _show(node: str, data: Status, output: Output) -> None:
    rows = [
        [item.name, _state(item), str(item.pid or ""), _uptime(item), data.releases.get(item.name, "")]
        for item in data.processes
    ]
    output.table(node, ["process", "state", "pid", "uptime", "release"], rows)
    for name, heard in data.services.items():
        output.result(f"  {name} {heard}")
    for name, days in data.certificates.items():
        warning = (
            " — renewal is overdue: see journalctl -u certbot on the node" if days < EXPIRES_SOON else ""
        )
        output.result(f"  certificate {name}: {days:.0f} days left{warning}")
    for name in data.missing:
        output.result(f"  certificate {name}: missing")
    if data.room:
        output.result(f"  {_room(data.room)}")
    output.result(f"  disk: {data.disk.free / 1e9:.1f} of {data.disk.size / 1e9:.1f} GB free")
    if data.lock:
        output.result(f"  at work: {data.lock}")
    if data.pending:
        output.result(f"  due at the next deploy: {', '.join(data.pending)}")


def _room(room: Room) -> str:
    memory = "" if room.memory is None else f" in {room.memory / 1e6:,.0f} MB of memory"
    return f"servers that run: {room.servers}{memory}; users active in the last five minutes: {room.active}"


def _show_tunnels(node: str, tunnels: Mapping[str, Heard], output: Output) -> None:
    """Show whether something answers at the far end of each tunnel that begins at the node."""
    for name, answer in tunnels.items():
        output.event("tunnel", node=node, name=name, problem=answer.problem, ms=answer.ms)
        output.result(f"  tunnel {name}: the far end {answer}")


def _state(item: Process) -> str:
    state = "RUNNING" if item.active == "active" else item.active.upper()
    return f"{state} ({item.restarts} restarts)" if item.restarts else state


def _uptime(item: Process) -> str:
    return str(timedelta(seconds=item.uptime)) if item.uptime else ""
