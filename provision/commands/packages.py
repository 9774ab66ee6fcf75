"""hubctl packages: what the users of a hub can import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import InventoryOption, JsonOption, LockWaitOption, NodeOption, command, load_fleet
from .outcomes import deploy_and_show, show_errors

if TYPE_CHECKING:
    from ..actions.job import Job
    from ..inventory.packages import Extra
    from ..output import Output
    from ..transport.answers import Package

app = typer.Typer(
    help="Say which packages the users of a hub have besides.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of packages.")]


@app.command("list")
def list_(node: NodeOption = "", inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """List what was asked for, where, and the versions that it was resolved to.

    The node is asked what admins added in the browser; where it cannot be, the rest is listed, and the command fails.
    """
    with command(json) as output:
        from ..actions.inventory_packages import unresolved
        from ..actions.packages import added_in_browser
        from ..inventory.packages import read

        job, hub = _job(output, inventory, node, "list", 0)
        extra, changed = read(job.loaded.path, hub), unresolved(job.loaded, hub)
        added, outcome = added_in_browser(job, hub)
        _show(hub, extra, output, added, whole=outcome.error is None)
        if changed:
            output.result(f"the inventory names others by now: `hubctl deploy {hub}` brings them")
        show_errors([outcome], output)


@app.command()
def add(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Packages, with versions if you like: 'numpy>=2,<3'."),
    ],
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Add packages for all users, for servers that start from then on.

    What does not go together with what the hub has is said, and nothing changes. Else the node is deployed. Servers and
    kernels that run keep the packages that they have.
    """
    with command(json) as output:
        from ..actions.packages import add as run
        from ..actions.packages import requirements

        wanted = requirements(names)
        job, hub = _job(output, inventory, node, f"add {' '.join(wanted.values())}", lock_wait)
        _show(hub, run(job, hub, wanted), output)
        deploy_and_show(job, [hub], parallel=1)


@app.command()
def remove(
    names: NamesArgument,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Remove packages that were added, in the browser too, and what only they needed; servers that run keep them."""
    with command(json) as output:
        from ..actions.packages import drop, requirements

        wanted = requirements(names)
        job, hub = _job(output, inventory, node, f"remove {' '.join(wanted)}", lock_wait)
        extra, added = drop(job, hub, list(wanted))
        _show(hub, extra, output, added)
        deploy_and_show(job, [hub], parallel=1)


def _job(output: Output, inventory: Path | None, node: str, words: str, lock_wait: int) -> tuple[Job, str]:
    from ..actions.job import Caller, Job
    from ..actions.packages import node_of

    loaded = load_fleet(inventory)
    return Job(loaded, Caller(f"packages {words}", lock_wait), output), node_of(loaded, node)


def _show(
    node: str, extra: Extra, output: Output, added: Sequence[Package] = (), *, whole: bool = True
) -> None:
    from ..actions.packages import resolved

    rows = resolved(extra, added)
    for name, asked, version, source in rows:
        output.event("package", node=node, name=name, asked=asked, version=version, source=source)
    if rows:
        output.table(node, ["name", "asked for", "version", "by"], [list(row) for row in rows])
    elif whole:
        output.result(f"{node}: the hub's own packages, and none besides")
    if not whole:
        output.result(f"{node} does not tell what admins added in the browser: it is not listed")
