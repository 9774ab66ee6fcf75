"""hubctl plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ..errors import Exit
from .options import (
    InventoryOption,
    JsonOption,
    NodesArgument,
    ParallelOption,
    chosen_nodes,
    command,
    load_fleet,
)
from .outcomes import show_outcomes

if TYPE_CHECKING:
    from ..actions.fleet import LoadedFleet
    from ..actions.requests import Caller, Outcome
    from ..output import Output


def plan(
    nodes: NodesArgument = None,
    parallel: ParallelOption = 10,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a deploy would change.

    Files are shown as diffs, secret ones by digest alone. Exit code 0: nothing, 2: changes are pending, 1: failed.
    """
    with command(json) as output:
        from ..actions.requests import Caller

        loaded = load_fleet(inventory)
        caller = Caller(" ".join(["plan", *(nodes or [])]))
        plan_and_show(loaded, chosen_nodes(loaded, nodes), caller, output, parallel=parallel)


def plan_and_show(
    loaded: LoadedFleet, nodes: list[str], caller: Caller, output: Output, *, parallel: int
) -> None:
    """Compare nodes with the inventory, show the differences, and end with the exit code that fits."""
    from ..actions.deploy import deploy

    outcomes = deploy(loaded, nodes, caller, output, apply=False, parallel=parallel)
    for outcome in outcomes:
        _show_changes(outcome, output)
    show_outcomes(outcomes, output, applied=False)
    if any(outcome.changed for outcome in outcomes):
        raise typer.Exit(int(Exit.CHANGES))


def _show_changes(outcome: Outcome, output: Output) -> None:
    for event in outcome.changes:
        output.result(f"{outcome.node}: {event['id']}")
        for change in event["changes"]:
            output.result(f"  {change['what']}")
            if change.get("diff"):
                output.diff(change["diff"])
