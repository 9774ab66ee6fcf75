"""hubctl destroy-node."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..errors import Exit, HubError
from .options import InventoryOption, JsonOption, YesOption, command, load_fleet


def destroy_node(
    name: Annotated[str, typer.Argument(help="The node's name.")],
    yes: YesOption = False,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a node and all that belongs to it.

    Its machine with the disk, its DNS records and its pinned key; the inventory stays as it is.
    """
    with command(json) as output:
        from ..actions.destroy import destroy, doomed

        loaded = load_fleet(inventory)
        what = doomed(loaded, name)
        lines = what.lines(loaded.fleet.domain)
        if what.nothing:
            output.result(f"there is nothing of node {name}")
            return
        if not yes:
            _ask(name, lines)
        destroy(loaded, what, output)
        for line in lines:
            output.result(f"removed {line}")
        output.event("destroyed", node=name, removed=lines)


def _ask(name: str, lines: list[str]) -> None:
    if not sys.stdin.isatty():
        raise HubError(
            "not-confirmed",
            f"destroying {name} was not confirmed",
            why="this would remove:\n" + "\n".join(lines),
            hint=f"hubctl destroy-node {name} --yes",
            exit_code=Exit.NOT_ALLOWED,
        )
    for line in lines:
        typer.echo(f"  {line}", err=True)
    if not typer.confirm(f"Remove all this of {name}, the disk's content included?", err=True):
        raise typer.Exit(int(Exit.NOT_ALLOWED))
