"""hubctl restart."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import InventoryOption, JsonOption, LockWaitOption, command, load_fleet
from .outcomes import show_outcomes


def restart(
    node: Annotated[str, typer.Argument(help="The node's name.")],
    processes: Annotated[
        list[str], typer.Argument(metavar="PROCESS...", help="Names as `hubctl status` shows them.")
    ],
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Restart processes of a node."""
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..inventory.hosts import node_named

        loaded = load_fleet(inventory)
        node_named(loaded.fleet, node, loaded.path)
        caller = Caller(" ".join(["restart", node, *processes]), lock_wait)
        show_outcomes([Job(loaded, caller, output).ask("restart", node, names=processes)], output)
