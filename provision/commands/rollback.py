"""hubctl rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import (
    InventoryOption,
    JsonOption,
    LockWaitOption,
    NodesArgument,
    chosen_nodes,
    command,
    load_fleet,
)
from .outcomes import show_outcomes


def rollback(
    nodes: NodesArgument = None,
    service: Annotated[
        str | None, typer.Option("--service", help="Only this service.", show_default=False)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ID", help="This release; else the one before.", show_default=False),
    ] = None,
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Go back to a former release.

    It is proven healthy before it gets traffic. Nothing is deleted, and the node needs no network.
    """
    with command(json) as output:
        from ..actions.job import Caller, Job

        loaded = load_fleet(inventory)
        chosen = chosen_nodes(loaded, nodes)
        words = ["rollback", *(nodes or [])]
        words += ["--service", service] if service else []
        words += ["--to", to] if to else []
        job = Job(loaded, Caller(" ".join(words), lock_wait), output)
        show_outcomes(job.ask_all("rollback", chosen, service=service, to=to), output)
