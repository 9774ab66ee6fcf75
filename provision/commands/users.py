"""hubctl users: who may use a hub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import Exit, HubError
from .options import (
    InventoryOption,
    JsonOption,
    LockWaitOption,
    NodeOption,
    YesOption,
    command,
    confirm,
    load_fleet,
)
from .outcomes import show_errors

if TYPE_CHECKING:
    from ..actions.fleet import LoadedFleet
    from ..actions.job import Job
    from ..actions.outcome import Outcome
    from ..actions.users import Person
    from ..output import Output
    from ..secrets.value import Secret
    from ..transport.answers import User

app = typer.Typer(
    help="Say who may use a hub: accounts of its node, on the running hub.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of users.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Take the password from standard input; else one is made.")
]
SheetOption = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE.html",
        help="Write passwords there, cards to print and cut, and nowhere else.",
        show_default=False,
    ),
]


@app.command("list")
def list_(node: NodeOption = "", inventory: InventoryOption = None, json: JsonOption = False) -> None:
    """List the users: admins, when they were last seen, what their homes take, whose servers run."""
    with command(json) as output:
        from ..inventory.people import named

        job, hub = _job(load_fleet(inventory), output, node, "list")
        outcome = job.ask("users-list", hub, sizes=True)
        if outcome.error is None:
            _show_users(job, hub, outcome.data.users, list(named(job.loaded.fleet, hub)))
        show_errors([outcome], output)


def _show_users(job: Job, hub: str, users: Sequence[User], named: Sequence[str]) -> None:
    from ..actions.users import passwords_command
    from ..transport.answers import plain

    output = job.output
    for user in users:
        output.event("user", node=hub, **plain(user), inventory=user.name in named)
    rows = [_row(user, user.name in named) for user in users]
    output.table(hub, ["name", "", "last seen", "home", "server", "named by"], rows)
    if unset := [user.name for user in users if not user.has_password and not user.leaving]:
        output.result(f"no password yet: {passwords_command(job.loaded.fleet, hub, unset)}")
    if missing := [name for name in named if name not in {user.name for user in users}]:
        output.result(f"in the inventory, and not made yet: {', '.join(missing)}; `hubctl deploy {hub}`")


def _row(user: User, named: bool) -> list[str]:
    role = "being removed" if user.leaving else "admin" if user.admin else ""
    seen = user.seen.replace("T", " ")[:16] if user.seen else "never"
    server = "running" if user.server else ""
    return [user.name, role, seen, _size(user.bytes), server, "inventory" if named else ""]


def _size(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:,.1f} MB"


@app.command()
def add(
    names: NamesArgument,
    admin: Annotated[bool, typer.Option("--admin", help="Make them admins of the hub, too.")] = False,
    password_stdin: StdinOption = False,
    sheet: SheetOption = None,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Add users. Their passwords are made and shown once, and can be used at once."""
    with command(json) as output:
        from ..actions.users import check_names, not_against_inventory, person

        check_names(names)
        job, hub = _job(load_fleet(inventory), output, node, f"add {' '.join(names)}", lock_wait)
        given = _given(names) if password_stdin else None
        people = [person(name, given, admin=admin or None) for name in dict.fromkeys(names)]
        not_against_inventory(job.loaded, hub, {each.name: each.admin for each in people})
        _set(job, "users-add", hub, people, sheet, json=json, new=True)


@app.command()
def passwd(
    names: NamesArgument,
    password_stdin: StdinOption = False,
    sheet: SheetOption = None,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Give users new passwords. Their servers run on, and who is logged in stays so."""
    with command(json) as output:
        from ..actions.users import check_names, person

        check_names(names)
        job, hub = _job(load_fleet(inventory), output, node, f"passwd {' '.join(names)}", lock_wait)
        given = _given(names) if password_stdin else None
        people = [person(name, given) for name in dict.fromkeys(names)]
        _set(job, "users-password", hub, people, sheet, json=json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or lines of `user:password`.")],
    sheet: SheetOption = None,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Add a class: CSV of name, password and admin, the last two if you like, or lines of `user:password`.

    All mistakes of the file are told before anything is changed. Users who are there already keep their passwords.
    """
    with command(json) as output:
        from ..actions.users import not_against_inventory
        from ..actions.users_file import raise_all, read, taken

        rows = read(file)
        job, hub = _job(load_fleet(inventory), output, node, f"import {file}", lock_wait)
        not_against_inventory(job.loaded, hub, {row.person.name: row.person.admin for row in rows})
        known = job.ask("users-list", hub)
        if known.error is not None:
            raise known.error
        raise_all(taken(rows, known.data.others, file))
        _set(job, "users-add", hub, [row.person for row in rows], sheet, json=json, new=False)


@app.command()
def admin(
    names: NamesArgument,
    no: Annotated[bool, typer.Option("--no", help="Make them no admins any more.")] = False,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Make users admins of the hub, or no longer, on the running hub; their servers run on."""
    with command(json) as output:
        from ..actions.users import not_against_inventory

        words = " ".join(["admin", *names, *(["--no"] if no else [])])
        job, hub = _job(load_fleet(inventory), output, node, words, lock_wait)
        not_against_inventory(job.loaded, hub, dict.fromkeys(names, not no))
        wanted = list(dict.fromkeys(names))
        outcome = job.ask("users-admin", hub, names=wanted, admin=not no)
        _show_done(job, hub, outcome)
        changed = {change.id for change in outcome.changes}
        if same := [name for name in wanted if f"account:{name}" not in changed]:
            output.result(f"{'no admins' if no else 'admins'} already: {', '.join(same)}")


@app.command()
def remove(
    names: NamesArgument,
    yes: YesOption = False,
    node: NodeOption = "",
    lock_wait: LockWaitOption = 0,
    inventory: InventoryOption = None,
    json: JsonOption = False,
) -> None:
    """Remove users: shut out, their servers stopped, their homes archived on the node.

    A run that is interrupted is taken up by the next one; nothing is deleted before its archive is whole.
    """
    with command(json) as output:
        from ..actions.users import known, not_against_inventory

        job, hub = _job(load_fleet(inventory), output, node, f"remove {' '.join(names)}", lock_wait)
        not_against_inventory(job.loaded, hub, dict.fromkeys(names), stay=False)
        if not yes:
            again = f"hubctl users remove {' '.join([*names, *(['--node', node] if node else [])])}"
            lines = [_doomed(user) for user in known(job, hub, list(dict.fromkeys(names)))]
            confirm("Remove them, with an archive of each home on the node?", "remove", lines, again)
        _show_done(job, hub, job.ask("users-remove", hub, names=list(dict.fromkeys(names))))


def _show_done(job: Job, hub: str, outcome: Outcome) -> None:
    from ..actions.users import done

    for name, what in done(outcome):
        job.output.event("account", node=hub, name=name, done=list(what))
        job.output.result(f"{name}: {', '.join(what)}")
    show_errors([outcome], job.output)


def _doomed(user: User) -> str:
    return f"{user.name} ({_size(user.bytes)}{', their server runs' if user.server else ''})"


def _job(loaded: LoadedFleet, output: Output, node: str, words: str, lock_wait: int = 0) -> tuple[Job, str]:
    from ..actions.job import Caller, Job
    from ..actions.users import hub_node

    return Job(loaded, Caller(f"users {words}", lock_wait), output), hub_node(loaded, node)


def _given(names: Sequence[str]) -> Secret:
    """Return the password that standard input gives one user.

    Raises:
        HubError: there are several users, or it is not fit.
    """
    from ..actions.users import check_password
    from ..secrets.value import Secret

    if len(names) > 1:
        raise HubError(
            "bad-option",
            "--password-stdin gives one user a password",
            hint="name one user, or let passwords be made",
            exit_code=Exit.USAGE,
        )
    if sys.stdin.isatty():
        text = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        text = sys.stdin.read(4096).removesuffix("\n")
    check_password(names[0], Secret(text))
    return Secret(text)


def _set(
    job: Job,
    op: str,
    hub: str,
    people: Sequence[Person],
    sheet: Path | None,
    *,
    json: bool,
    **fields: object,
) -> None:
    """Have the node make users or set passwords, and show what came of it.

    The sheet is there before anybody has one of its passwords: a run that is killed loses none. With `--json` passwords
    are in the events alone: what is for people goes to the log of whoever asks.
    """
    from ..actions import sheet as sheets
    from ..actions.users import address_of, set_people

    output, address = job.output, address_of(job.loaded, hub)
    title = address.removeprefix("https://") or job.loaded.fleet.fleet
    if sheet:
        sheets.reserve(sheet)
        sheets.write(sheet, people, address, title)
    outcome, done = set_people(job, op, hub, people, **fields)
    told = [each.person for each in done if each.person]
    if sheet and outcome.ended:  # else somebody may have a password of whom was not heard
        sheets.write(sheet, told, address, title)
    for each in done:
        made = each.person.password if each.person and each.person.made and not sheet else None
        shown = {"password": made.reveal()} if made else {}
        output.event("account", node=hub, name=each.name, done=list(each.what), **shown)
    if told and sheet:
        output.result(f"passwords of {len(told)} in {sheet}; there is no other place that has them")
    elif told and not json:
        rows = [[each.name, each.password.reveal() if each.made else "as given"] for each in told]
        output.table(address or hub, ["name", "password"], rows)
    if outcome.error is None:
        _show_others(hub, people, [each.name for each in done], [each.name for each in told], output)
    show_errors([outcome], output)


def _show_others(
    hub: str, people: Sequence[Person], changed: Sequence[str], told: Sequence[str], output: Output
) -> None:
    """Say who was there already and kept the password."""
    kept = [each.name for each in people if each.name not in told]
    for name in kept:
        if name not in changed:
            output.event("account", node=hub, name=name, done=[])
    if kept:
        output.result(f"there already, with the passwords that they have: {', '.join(kept)}")
