"""users-list, users-add, users-admin, users-password and users-remove: who may use the hub of this node."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Callable

from ..errors import NodeError
from ..request import Request, exclusively
from ..run import Run
from ..tally import Tally
from ..users import accounts, hub, removal
from ..users.adding import Wanted, add, unfit
from .answer import answer
from .turns import Came, in_turn


def users_list(request: Request) -> int:
    """Answer with the users, and the names that others have; with `sizes`, what the homes take."""
    run = request.run(apply=False)
    members, leaving = accounts.members(run), removal.begun(run)
    names = sorted({*members, *leaving})
    sizes = accounts.bytes_of(run, [accounts.home_of(name) for name in names]) if _sizes(request) else {}
    seen = hub.last_seen(run)
    unset = accounts.without_password(run)
    units = run.units.now(*(removal.server_of(name) for name in names))
    users = [
        {
            "name": name,
            "admin": members.get(name, False),
            "seen": seen.get(name),
            "bytes": sizes.get(accounts.home_of(name)),
            "server": unit.running,
            "leaving": name in leaving,
            "has_password": name in members and name not in unset,
        }
        for name, unit in zip(names, units)
    ]
    return answer(request, {"users": users, "others": sorted(accounts.taken(run))})


def _sizes(request: Request) -> bool:
    return request.manifest.get("sizes") is True


def users_add(request: Request) -> int:
    """Make `users`, each `name`, `password` and `admin`; with `new` false, those there are already keep passwords."""
    wanted = _wanted(request)
    new = request.manifest.get("new") is True

    def body(run: Run, tally: Tally) -> None:
        members = accounts.members(run)
        _refuse(unfit(run, wanted), "bad-user", "no user was made")
        if new:
            there = [each.name for each in wanted if each.name in members]
            again = f"`hubctl users passwd {' '.join(there)}` gives a new password"
            _refuse(_there(run, there), "user-exists", "no user was made", again)
        accounts.make_groups(run)
        former = removal.highest_number(run)
        _each(run, tally, wanted, lambda each: add(run, each, former))

    return exclusively(request, body, len(wanted))


def _there(run: Run, names: Iterable[str]) -> list[str]:
    unfinished = accounts.without_password(run)
    return [f"{name}: is there already" for name in names if name not in unfinished]


def users_password(request: Request) -> int:
    """Set the passwords of `users`, each `name` and `password`."""
    wanted = _wanted(request)

    def body(run: Run, tally: Tally) -> None:
        accounts.see_known([each.name for each in wanted], removal.staying(run))
        _refuse(unfit(run, wanted), "bad-user", "no password was set")
        _each(run, tally, wanted, lambda each: accounts.set_password(run, each.name, each.password or ""))

    return exclusively(request, body, len(wanted))


def users_admin(request: Request) -> int:
    """Make the users `names` admins, or with `admin` false none."""
    admin = request.manifest.get("admin") is True
    wanted = [Wanted(name) for name in _names(request)]

    def body(run: Run, tally: Tally) -> None:
        accounts.see_known([each.name for each in wanted], removal.staying(run))
        accounts.make_groups(run)
        _each(run, tally, wanted, lambda each: _set_admin(run, each.name, admin))

    return exclusively(request, body, len(wanted))


def _set_admin(run: Run, name: str, admin: bool) -> list[str]:
    done = accounts.set_admin(run, name, admin)
    if done:
        accounts.note_members(run)
    return done


def users_remove(request: Request) -> int:
    """Remove the users `names`, each with an archive of the home."""
    wanted = [Wanted(name) for name in _names(request)]

    def body(run: Run, tally: Tally) -> None:
        accounts.see_known([each.name for each in wanted], {*accounts.members(run), *removal.begun(run)})
        _each(run, tally, wanted, lambda each: _remove(run, each.name))

    return exclusively(request, body, len(wanted))


def _remove(run: Run, name: str) -> list[str]:
    gone = removal.remove_user(run, name)
    accounts.note_members(run)
    kept = run.path(gone.archive).exists()
    return ["remove", f"archive {gone.archive}"] if kept else ["remove"]


def _names(request: Request) -> list[str]:
    return [str(name) for name in request.manifest.get("names") or ()]


def _wanted(request: Request) -> list[Wanted]:
    """Read the users of a request.

    Raises:
        ValueError: they are not of the form.
    """
    return [_one(item) for item in request.manifest.get("users") or ()]


def _one(item: Any) -> Wanted:
    if not isinstance(item, dict) or item.get("admin") not in (None, True, False):
        raise ValueError("a user is a name, a password and perhaps whether they are an admin")
    return Wanted(str(item.get("name", "")), str(item.get("password", "")), item.get("admin"))


def _refuse(problems: list[str], code: str, message: str, hint: str = "") -> None:
    if problems:
        raise NodeError(code, message, why="\n".join(problems), hint=hint)


def _each(run: Run, tally: Tally, wanted: list[Wanted], work: Callable[[Wanted], list[str]]) -> None:
    def turn(each: Wanted) -> Came:
        return Came(tuple(work(each)))

    in_turn(run, tally, ((each.name, partial(turn, each)) for each in wanted))
