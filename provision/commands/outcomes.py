"""What commands do with nodes and show of them, and the exit codes it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ..errors import Exit

HUB_USERS = "hub-users:inventory"
"""The resource of those whom the inventory names (`node/resources/hub_users.py`)."""

if TYPE_CHECKING:
    from ..actions.job import Job
    from ..actions.outcome import Outcome
    from ..output import Output


def deploy_and_show(job: Job, nodes: list[str], *, parallel: int, rolling: bool = False) -> None:
    """Deploy, show each node's outcome, and end with the exit code that fits."""
    from ..actions.deploy import deploy

    outcomes = deploy(job, nodes, parallel=parallel, rolling=rolling)
    for outcome in outcomes:
        if any(change.id == HUB_USERS for change in outcome.changes):
            _show_new_users(job, outcome)
    show_outcomes(outcomes, job.output, not_tried=nodes[len(outcomes) :])


def _show_new_users(job: Job, outcome: Outcome) -> None:
    """Say who has an account now and cannot log in yet: a deploy runs where nobody shall read passwords."""
    from ..actions.users import made_by_deploy, passwords_command

    names = made_by_deploy(job.loaded.fleet, outcome)
    for name in names:
        job.output.event("account", node=outcome.node, name=name, done=["create"])
    if names:
        command = passwords_command(job.loaded.fleet, outcome.node, names)
        job.output.result(
            f"{outcome.node}: new users without a password, who cannot log in: {', '.join(names)}\n"
            f"  {command} makes passwords and shows them; with `--sheet FILE.html` as cards to print"
        )


def compare_and_show(job: Job, nodes: list[str], *, parallel: int) -> None:
    """Compare nodes with the inventory, show the differences, and end with the exit code that fits."""
    from ..actions.deploy import deploy

    outcomes = deploy(job, nodes, apply=False, parallel=parallel)
    for outcome in outcomes:
        _show_changes(outcome, job.output)
    show_outcomes(outcomes, job.output, applied=False)
    if any(outcome.changed for outcome in outcomes):
        raise typer.Exit(int(Exit.CHANGES))


def _show_changes(outcome: Outcome, output: Output) -> None:
    for resource in outcome.changes:
        output.result(f"{outcome.node}: {resource.id}")
        for change in resource.changes:
            output.result(f"  {change.what}")
            if change.diff:
                output.diff(change.diff)


def answered(outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes of the nodes that have answered; the errors of the others are shown after them."""
    return [outcome for outcome in outcomes if outcome.error is None]


def show_outcomes(
    outcomes: list[Outcome], output: Output, *, applied: bool = True, not_tried: Sequence[str] = ()
) -> None:
    """Show what became of each node.

    Args:
        outcomes: what became of the nodes that were tried.
        output: where it is shown.
        applied: False after a comparison alone.
        not_tried: nodes that were not tried after one had failed.

    Raises:
        typer.Exit: a node failed.
    """
    for outcome in outcomes:
        output.event(
            "outcome",
            node=outcome.node,
            ok=outcome.ok,
            changed=outcome.changed,
            failed=outcome.failed,
            seconds=round(outcome.seconds, 2),
            error=outcome.error.as_dict() if outcome.error else None,
        )
        output.result(_summary(outcome, "changed" if applied else "to change"))
    for name in not_tried:
        output.event("outcome", node=name, error={"code": "not-tried", "message": "an earlier node failed"})
        output.result(f"{name}: not tried")
    show_errors(outcomes, output)


def show_errors(outcomes: list[Outcome], output: Output) -> None:
    """Show the errors of the nodes that failed.

    Raises:
        typer.Exit: a node failed; the code is the error's when all failed alike.
    """
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        output.error(error)
    codes = {error.exit_code for error in errors}
    if codes:
        raise typer.Exit(int(codes.pop() if len(codes) == 1 else Exit.FAILED))


def _summary(outcome: Outcome, changed: str) -> str:
    counts = f"{outcome.ok} ok, {outcome.changed} {changed}"
    if outcome.error is None:
        return f"{outcome.node}: {counts} ({outcome.seconds:.1f} s)"
    return f"{outcome.node}: failed ({outcome.error.code}); {counts}"
