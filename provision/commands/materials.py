"""hubctl materials: the course in everybody's home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Exit, HubError
from .options import InventoryOption, JsonOption, LockWaitOption, NodeOption, command, load_fleet
from .outcomes import show_errors

if TYPE_CHECKING:
    from ..actions.job import Job
    from ..actions.outcome import Outcome
    from ..output import Output

app = typer.Typer(
    help="Put the course into the home of every user of a hub.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.callback()
def materials() -> None:
    """Put the course into the home of every user of a hub."""


@app.command()
def push(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="A file, a notebook or a folder; without one, the inventory's `materials`.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str,
        typer.Option("--to", metavar="FOLDER", help="The folder of the home for it.", show_default=False),
    ] = "",
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="NAME", help="This user alone; several are named one by one."),
    ] = None,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Send a file, a notebook or a folder to everybody now, or to some. What a learner changed is never overwritten.

    A file that a learner changed keeps its name, and the new one comes beside it, as lesson.new.ipynb. What they did
    not change is updated, what they deleted comes back. Without PATH the inventory's materials are brought up to date
    in all homes now, as the start of a server does.
    """
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..actions.users import hub_node

        loaded = load_fleet(inventory)
        hub = hub_node(loaded, node)
        chosen = list(dict.fromkeys(user or ()))
        named = [f"--user {name}" for name in chosen]
        words = " ".join(["materials push", *([str(path)] if path else []), *named])
        job = Job(loaded, Caller(words, lock_wait), output)
        if path:
            _push(job, hub, path, to, chosen)
        else:
            _pull(job, hub, to, chosen)


def _push(job: Job, hub: str, path: Path, to: str, users: list[str]) -> None:
    from ..actions.materials import gather, link, push
    from ..actions.users import address_of

    sent = gather(path, to)
    outcome = push(job, hub, sent, users)
    address = link(address_of(job.loaded, hub), sent)
    if outcome.error is None:
        if address:
            job.output.event("link", node=hub, url=address)
        _show(outcome, job.output)
        if address:
            job.output.result(f"opens it: {address}")
    _end(outcome, job.output)


def _pull(job: Job, hub: str, to: str, users: list[str]) -> None:
    from ..actions.materials import pull

    if to:
        raise HubError(
            "bad-option",
            "--to says where a PATH goes, and there is none",
            hint="where the inventory's materials go, their `to` says there",
            exit_code=Exit.USAGE,
        )
    outcome = pull(job, hub, users)
    if outcome.error is None:
        _show(outcome, job.output, pulled=True)
    _end(outcome, job.output)


def _show(outcome: Outcome, output: Output, *, pulled: bool = False) -> None:
    from ..transport.answers import plain

    rows = []
    for user in outcome.data.users:
        output.event("materials", node=outcome.node, **plain(user))
        counts = [str(count) for count in (user.new, user.updated, user.kept, user.conflict)]
        beside = f"beside theirs: {', '.join(user.beside)}" if user.beside else ""
        said = user.problem.partition("\n")[0] or ("up to date" if pulled else beside)
        rows.append([user.name, *([] if pulled else counts), said])
    columns = ["name", ""] if pulled else ["name", "new", "updated", "kept", "conflict", ""]
    if rows:
        output.table(outcome.node, columns, rows)
    else:
        output.result(f"the hub on {outcome.node} has no users yet")


def _end(outcome: Outcome, output: Output) -> None:
    """Show what went wrong; of single homes after all others had theirs."""
    from ..actions.materials import see_all_have_it

    show_errors([outcome], output)
    see_all_have_it(outcome)
