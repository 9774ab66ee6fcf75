"""How what became of nodes is shown, and the exit code it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ..errors import Exit

if TYPE_CHECKING:
    from ..actions.requests import Outcome
    from ..output import Output


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
