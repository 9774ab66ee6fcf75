"""hubctl releases."""

from __future__ import annotations

from .options import InventoryOption, JsonOption, NodesArgument, ask_nodes, command, load_fleet


def releases(
    nodes: NodesArgument = None, inventory: InventoryOption = None, json: JsonOption = False
) -> None:
    """List the releases on the nodes."""
    with command(json) as output:
        rows = []
        for outcome in ask_nodes(load_fleet(inventory), nodes, "releases", "releases", output):
            for item in outcome.data["releases"]:
                output.event("release", node=outcome.node, **item)
                running = "running" if item["current"] else ""
                rows.append([outcome.node, item["service"], item["release"], item["made"], running])
        output.table("releases", ["node", "service", "release", "made", ""], rows)
