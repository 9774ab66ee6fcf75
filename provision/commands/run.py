"""hubctl run."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperCommand

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

_WORDS = "hubctl.run.words"


class AfterDashes(TyperCommand):
    """A command whose words after `--` are somebody else's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what comes after `--` as it is."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_WORDS] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


def run(
    ctx: typer.Context,
    nodes: NodesArgument = None,
    parallel: ParallelOption = 10,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Run a command on nodes: `hubctl run NODE... -- COMMAND`.

    It runs as root and gets its words as they are: for pipes and the like say `-- sh -c '...'`. Lines come as they are
    written. The exit code is the command's own, 1 where nodes differ.
    """
    with command(json) as output:
        argv: list[str] = ctx.meta[_WORDS]
        if not argv:
            raise typer.BadParameter("no command is given; write it after `--`")
        from ..actions.run import run as run_on

        loaded = load_fleet(inventory)
        chosen = chosen_nodes(loaded, nodes)
        terminal = len(chosen) == 1 and not json and sys.stdout.isatty()
        done = run_on(loaded, chosen, argv, output, terminal=terminal, parallel=parallel)
        for each in done:
            if each.error is not None:
                output.error(each.error)
            output.event("ran", node=each.node, status=each.status, failed=each.error is not None)
        codes = {int(each.error.exit_code) if each.error else each.status for each in done}
        status = codes.pop() if len(codes) == 1 else int(Exit.FAILED)
        if status:
            raise typer.Exit(status)
