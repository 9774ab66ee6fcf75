"""hubctl rotate-key."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from ..errors import Exit, HubError
from .options import InventoryOption, JsonOption, LockWaitOption, command, load_fleet


def rotate_key(
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KIND/NAME]...", help="Such as tunnel/dti, or a kind.", show_default=False),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every key of the fleet.")] = False,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="Only keys older than this, such as 90d; of all, unless some are named.",
            show_default=False,
        ),
    ] = None,
    lock_wait: LockWaitOption = 60,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Change keys while they are in use; a run that was stopped is finished by the next."""
    with command(json) as output:
        from ..actions.job import Caller, Job
        from ..actions.rotate import all_keys, chosen, rotate_due

        age = _age(older_than) if older_than else None
        loaded = load_fleet(inventory, output)
        if keys and all_:
            raise HubError("bad-option", "name keys, or say --all", exit_code=Exit.USAGE)
        if not (keys or all_ or older_than):
            raise _nothing_named([key.name for key in all_keys(loaded)])
        wanted = chosen(loaded, keys) if keys else all_keys(loaded)
        caller = Caller(" ".join(["rotate-key", *(keys or ["--all"])]), lock_wait)
        codes = {error.exit_code for error in rotate_due(Job(loaded, caller, output), wanted, age)}
        if codes:
            raise typer.Exit(int(codes.pop() if len(codes) == 1 else Exit.FAILED))


def _age(text: str) -> timedelta:
    """Return an age such as 90d, 12h or 2w.

    Raises:
        HubError: it is none.
    """
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    found = re.fullmatch(r"([0-9]{1,5})([mhdw])", text)
    if found is None:
        raise HubError(
            "bad-option",
            f"--older-than cannot be `{text}`",
            why="expected: a number and a unit, such as 90d, 12h or 30m",
            exit_code=Exit.USAGE,
        )
    return timedelta(**{units[found[2]]: int(found[1])})


def _nothing_named(known: list[str]) -> HubError:
    return HubError(
        "nothing-named",
        "no key is named",
        why=f"the keys are: {', '.join(known) or 'none'}",
        hint="`hubctl rotate-key KIND/NAME`, or `hubctl rotate-key --all`, or `hubctl rotate-key --older-than 90d`",
        exit_code=Exit.USAGE,
    )
