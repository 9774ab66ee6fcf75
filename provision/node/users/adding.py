"""A user is made, or made as wanted: account, home, rights, password."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import dataclass
from ..run import Run
from . import accounts, hub_api, removal
from .names import name_problem, password_problem


@dataclass(frozen=True)
class Wanted:
    """A user as asked for; `password` None sets none, `admin` None leaves that as it is."""

    name: str
    password: str | None = None
    admin: bool | None = None


def add(run: Run, wanted: Wanted, former: int) -> list[str]:
    """Make a user, or what is missing of one; say what was done. A password that is there stays.

    Args:
        run: the run.
        wanted: who.
        former: the highest number that a removed account had (`removal.highest_number`).
    """
    if wanted.name not in run.accounts.users():
        hub_api.forget(run, wanted.name)
    done = accounts.make(run, wanted.name, former)
    run.stage("home")
    if wanted.admin is not None:
        done += accounts.set_admin(run, wanted.name, wanted.admin)
    if wanted.password is not None and wanted.name in accounts.without_password(run):
        done += accounts.set_password(run, wanted.name, wanted.password)
    if done:
        accounts.note_members(run)
    return done


def unfit(run: Run, wanted: Iterable[Wanted]) -> list[str]:
    """Return why users cannot be as asked for, a line each."""
    taken, leaving = accounts.taken(run), removal.begun(run)

    def problem(each: Wanted) -> str:
        if wrong := name_problem(each.name):
            return wrong
        if each.password is not None and (wrong := password_problem(each.name, each.password)):
            return f"the password: {wrong}"
        if each.name in leaving:
            return f"is being removed; `hubctl users remove {each.name}` carries on"
        if each.name in taken:
            return "is the name of an account or group of the system"
        if accounts.home_in_the_way(run, each.name):
            return f"{accounts.home_of(each.name)} is there already; on the node: move it away"
        return ""

    return [f"{each.name}: {why}" for each in wanted if (why := problem(each))]
