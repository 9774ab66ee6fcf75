"""Accounts of the system as users of a hub: made, given a password, listed.

A user is a member of the group `hub-users`, a trainer of `hub-admins` too. The system's own tools keep the tables and
make the hash of a password, as PAM says.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from ..errors import NodeError
from ..files import kind_of, remove_tree, set_access, sync_directory, temporary
from ..run import Run
from ..state import load, save, words
from .places import STATE

USERS, ADMINS = "hub-users", "hub-admins"
MEMBERS = f"{STATE}/members.json"
"""Who is in them, noted for the case that somebody deletes the groups: accounts do not say it."""

SET = "set the password"
"""What is said of whoever got one."""

HOMES = "/home"
_SHELL = "/bin/bash"
_SKELETON = "/etc/skel"
_FIRST, _LAST = 1000, 59_999
_NEVER_SET = ("", "!", "!!", "*", "!*")
_HINT = "on the node: see `getent passwd` and `getent group`"


def home_of(name: str) -> str:
    """Return where a user's home is."""
    return f"{HOMES}/{name}"


def members(run: Run) -> dict[str, bool]:
    """Return the users of the hub by name, and whether each is an admin."""
    groups, nobody = run.accounts.groups(), (0, frozenset[str]())
    admins = groups.get(ADMINS, nobody)[1]
    users = groups.get(USERS, nobody)[1] & run.accounts.users().keys()
    return {name: name in admins for name in sorted(users)}


def see_known(names: Iterable[str], known: Collection[str]) -> None:
    """See that names are among those of the users who are meant.

    Raises:
        NodeError: some are not.
    """
    if unknown := sorted({*names}.difference(known)):
        raise NodeError(
            "unknown-user",
            f"the hub has no user {', '.join(unknown)}",
            why=f"its users: {', '.join(sorted(known)) or 'none'}",
            hint="`hubctl users list`",
        )


def taken(run: Run) -> set[str]:
    """Return the names that accounts and groups of the system have, which are no users of the hub."""
    names = {USERS, ADMINS, *run.accounts.users(), *run.accounts.groups()}
    return names - members(run).keys()


def without_password(run: Run) -> set[str]:
    """Return the accounts that never had a password: made for the inventory, or by a run that was killed."""
    path = run.path("/etc/shadow")
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    rows = (line.split(":") for line in text.splitlines())
    had = {row[0] for row in rows if len(row) > 1 and row[1] not in _NEVER_SET}
    return run.accounts.users().keys() - had


def make_groups(run: Run) -> None:
    """Make the groups of the hub where they are missing, with whoever was in them."""
    for name in (USERS, ADMINS):
        if name not in run.accounts.groups():
            _tool(run, ["groupadd", "--system", name], f"group {name} could not be made")
            rejoin(run, name, MEMBERS)


def rejoin(run: Run, group: str, note: str) -> None:
    """Have those in a group of whom a note says that they were, as far as they have an account."""
    hint = f"on the node: look at {note}, and move it away; then put the hub's users into their groups"
    noted = load(run.path(note), "members", hint, lambda data: words(data[group])) or []
    for name in noted:
        if name in run.accounts.users():
            _tool(run, ["gpasswd", "--add", name, group], f"{name} could not join {group}")


def note_members(run: Run) -> None:
    """Note who is in the groups; where one is missing, the note stays as it was."""
    groups = run.accounts.groups()
    if USERS in groups and ADMINS in groups:
        save(run.path(MEMBERS), {name: sorted(groups[name][1]) for name in (USERS, ADMINS)})


def make(run: Run, name: str, former: int) -> list[str]:
    """Make a user's account and home where they are missing; say what was done.

    Args:
        run: the run.
        name: the user's name.
        former: the highest number that a removed account had: what it left elsewhere is nobody else's.
    """
    done = []
    if name not in run.accounts.users():
        number = 1 + max([_FIRST - 1, former, *(uid for uid in _numbers(run) if _FIRST <= uid <= _LAST)])
        argv = ["useradd", "--no-create-home", "--home-dir", home_of(name), "--shell", _SHELL]
        argv += ["--user-group", "--groups", USERS, "--uid", str(number), name]
        _tool(run, argv, f"user {name} could not be made")
        done.append("create")
    run.stage("created")
    if _make_home(run, name):
        done.append("make the home")
    return done


def _numbers(run: Run) -> set[int]:
    users, groups = run.accounts.users().values(), run.accounts.groups().values()
    return {user.uid for user in users} | {number for number, _ in groups}


def _make_home(run: Run, name: str) -> bool:
    """Make a home of the system's skeleton, whole or not at all; return whether it was missing."""
    import shutil  # a deploy that changes nothing does without

    home, account = run.path(home_of(name)), run.accounts.users()[name]
    if kind_of(home)[0] == "directory":
        return False
    new, skeleton = temporary(home), run.path(_SKELETON)
    remove_tree(new)
    home.parent.mkdir(exist_ok=True)
    new.mkdir(mode=0o700)
    if skeleton.is_dir():
        shutil.copytree(skeleton, new, symlinks=True, dirs_exist_ok=True)
    for path in new.rglob("*"):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    set_access(new, 0o700, (account.uid, account.gid), directory=True)
    new.rename(home)
    sync_directory(home.parent)
    return True


def home_in_the_way(run: Run, name: str) -> bool:
    """Whether there is something where the home of a new user would be."""
    return name not in run.accounts.users() and kind_of(run.path(home_of(name)))[0] != "absent"


def set_admin(run: Run, name: str, admin: bool) -> list[str]:
    """Have a user in the group of admins or not; say what was done."""
    if members(run)[name] == admin:
        return []
    argv = ["gpasswd", "--add" if admin else "--delete", name, ADMINS]
    _tool(run, argv, f"{name} could not be made {'an admin' if admin else 'no admin'}")
    return ["make an admin" if admin else "no admin any more"]


def set_password(run: Run, name: str, password: str) -> list[str]:
    """Set a password; say what was done. It goes to the system's tool by a pipe."""
    done = run.system.run(["chpasswd"], stdin=f"{name}:{password}\n")
    if done.status != 0:
        why = done.tail().replace(password, "…")
        raise NodeError("password-failed", f"the password of {name} could not be set", why=why, hint=_HINT)
    return [SET]


def bytes_of(run: Run, homes: list[str]) -> dict[str, int]:
    """Return what homes take on the disk; what cannot be told in time is left out. Links are not followed."""
    argv = ["du", "--summarize", "--one-file-system", "--block-size=1", "--", *homes]
    said = run.system.run(argv, timeout=60).output if homes else ""
    rows = (line.partition("\t") for line in said.splitlines())
    return {path: int(size) for size, _, path in rows if size.isdigit()}


def _tool(run: Run, argv: list[str], message: str) -> None:
    run.run_checked(argv, "user-failed", message, hint=_HINT)
    run.accounts.forget()


def lock_out(run: Run, name: str) -> None:
    """Let a user log in no more, by password or otherwise."""
    _tool(run, ["usermod", "--lock", "--expiredate", "1", name], f"user {name} could not be locked")


def delete(run: Run, name: str) -> None:
    """Delete an account, if it is there; its home stays."""
    if name in run.accounts.users():
        _tool(run, ["userdel", name], f"user {name} could not be deleted")


def at_home(run: Run, name: str) -> Path:
    """Return a user's home.

    Raises:
        NodeError: it is no folder, as when something else was put there.
    """
    home = run.path(home_of(name))
    kind = kind_of(home)[0]
    if kind not in ("directory", "absent"):
        raise NodeError(
            "home-is-no-folder",
            f"{home_of(name)} is a {kind}, and no folder: it is left alone",
            hint=f"on the node: `ls -ld {home_of(name)}`; move it away, then run the same command again",
        )
    return home
