"""hubctl deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    InventoryOption,
    JsonOption,
    LockWaitOption,
    NodesArgument,
    ParallelOption,
    chosen_nodes,
    command,
    load_fleet,
)
from .outcomes import show_outcomes
from .plan import plan_and_show

if TYPE_CHECKING:
    from ..actions.fleet import LoadedFleet
    from ..actions.requests import Caller
    from ..output import Output


def deploy(
    nodes: NodesArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change, as `plan` does.")
    ] = False,
    parallel: ParallelOption = 10,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="One node at a time; stop at the first failure.")
    ] = False,
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Make nodes what the inventory says.

    A second run changes nothing. A node that fails does not stop the others.
    """
    with command(json) as output:
        from ..actions.requests import Caller

        loaded = load_fleet(inventory)
        chosen = chosen_nodes(loaded, nodes)
        caller = Caller(" ".join(["deploy", *(nodes or [])]), lock_wait)
        if dry_run:
            plan_and_show(loaded, chosen, caller, output, parallel=parallel)
        else:
            deploy_and_show(loaded, chosen, caller, output, parallel=parallel, rolling=rolling)


def deploy_and_show(
    loaded: LoadedFleet,
    nodes: list[str],
    caller: Caller,
    output: Output,
    *,
    parallel: int = 10,
    rolling: bool = False,
) -> None:
    """Deploy, show each node's outcome, and end with the exit code that fits."""
    from ..actions.deploy import deploy as run

    outcomes = run(loaded, nodes, caller, output, parallel=parallel, rolling=rolling)
    show_outcomes(outcomes, output, not_tried=nodes[len(outcomes) :])
