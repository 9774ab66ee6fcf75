"""hubctl releases."""

from __future__ import annotations

from .options import InventoryOption, JsonOption, NodesArgument, ask_nodes, command, load_fleet
from .outcomes import answered, show_errors


def releases(
    nodes: NodesArgument = None, inventory: InventoryOption = None, json: JsonOption = False
) -> None:
    """List the releases on the nodes."""
    with command(json) as output:
        from ..transport.answers import plain

        rows = []
        outcomes = ask_nodes(load_fleet(inventory), nodes, "releases", "releases", output)
        for outcome in answered(outcomes):
            for item in outcome.data.releases:
                output.event("release", node=outcome.node, **plain(item))
                mark = "running" if item.current else "rollback goes here" if item.previous else ""
                rows.append([outcome.node, item.service, item.release, item.made, mark])
        output.table("releases", ["node", "service", "release", "made", ""], rows)
        show_errors(outcomes, output)
