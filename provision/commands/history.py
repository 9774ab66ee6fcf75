"""hubctl history."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import InventoryOption, JsonOption, ask_nodes, command, load_fleet
from .outcomes import show_errors

WIDEST = 60  # characters of a command in a row
SHOWN = 3  # changes named in a row of the table; --json has all


def history(
    node: Annotated[str, typer.Argument(help="The node's name.")],
    last: Annotated[int, typer.Option("--last", min=1, help="How many runs to show.")] = 20,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """List what was done to a node.

    When, by whom, what changed, and how it ended.
    """
    with command(json) as output:
        from ..transport.answers import plain

        loaded = load_fleet(inventory)
        outcomes = ask_nodes(loaded, [node], "history", f"history {node}", output, last=last)
        show_errors(outcomes, output)
        runs = outcomes[0].data.runs
        for run in runs:
            output.event("run", node=node, **plain(run))
        rows = [
            [run.begun, run.who, _command(run.command), run.result, _changed(run.changed)] for run in runs
        ]
        output.table(f"history of {node}", ["when", "who", "command", "result", "changed"], rows)


def _command(line: str) -> str:
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


def _changed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return " ".join(names[:SHOWN]) + more or "nothing"
