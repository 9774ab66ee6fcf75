"""hubctl plan."""

from __future__ import annotations

from .options import (
    InventoryOption,
    JsonOption,
    NodesArgument,
    ParallelOption,
    chosen_nodes,
    command,
    load_fleet,
)
from .outcomes import compare_and_show


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
        from ..actions.job import Caller, Job

        loaded = load_fleet(inventory)
        job = Job(loaded, Caller(" ".join(["plan", *(nodes or [])])), output)
        compare_and_show(job, chosen_nodes(loaded, nodes), parallel=parallel)
