"""hubctl lock: who works on a node."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import Exit
from .options import (
    InventoryOption,
    JsonOption,
    NodesArgument,
    YesOption,
    ask_nodes,
    chosen_nodes,
    command,
    confirm,
    load_fleet,
)
from .outcomes import answered, show_errors

app = typer.Typer(help="See who works on a node.", rich_markup_mode=None, no_args_is_help=True)


@app.command()
def status(nodes: NodesArgument = None, inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """Show the holder of each node's lock."""
    with command(json) as output:
        outcomes = ask_nodes(load_fleet(inventory), nodes, "lock-status", "lock status", output)
        for outcome in answered(outcomes):
            lock = outcome.data
            output.event("lock", node=outcome.node, holder=lock.plain_holder)
            output.result(f"{outcome.node}: {lock.holder or 'free'}")
        show_errors(outcomes, output)


@app.command()
def release(
    nodes: NodesArgument = None,
    force: Annotated[
        bool, typer.Option("--force", help="Kill it, in the middle of whatever it does.")
    ] = False,
    yes: YesOption = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Stop the run that holds a node's lock.

    It ends after the resource it is at; the next deploy carries on. The lock of a run that is gone needs no release.
    """
    with command(json) as output:
        loaded = load_fleet(inventory)
        chosen = chosen_nodes(loaded, nodes)
        if not yes:
            again = " ".join(["hubctl lock release", *(nodes or []), *(["--force"] if force else [])])
            confirm("Stop what works there?", "stop", [f"what works on {name}" for name in chosen], again)
        outcomes = ask_nodes(loaded, chosen, "lock-release", "lock release", output, force=force)
        for outcome in answered(outcomes):
            lock = outcome.data
            output.event("lock", node=outcome.node, holder=lock.plain_holder, released=lock.released)
            did = "stopped" if lock.released else "still at it, and will stop:"
            output.result(f"{outcome.node}: {f'{did} {lock.holder}' if lock.holder else 'was free'}")
        show_errors(outcomes, output)
        if not all(outcome.data.released for outcome in outcomes):
            raise typer.Exit(int(Exit.LOCKED))
