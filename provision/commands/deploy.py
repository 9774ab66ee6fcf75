"""hubctl deploy."""

from __future__ import annotations

from typing import Annotated

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
from .outcomes import compare_and_show, deploy_and_show


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
        from ..actions.job import Caller, Job

        loaded = load_fleet(inventory)
        chosen = chosen_nodes(loaded, nodes)
        job = Job(loaded, Caller(" ".join(["deploy", *(nodes or [])]), lock_wait), output)
        if dry_run:
            compare_and_show(job, chosen, parallel=parallel)
        else:
            deploy_and_show(job, chosen, parallel=parallel, rolling=rolling)
