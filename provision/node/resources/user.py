"""System users and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..files import kind_of
from ..records import dataclass
from .base import Change, Resource, plain_word

if TYPE_CHECKING:
    from ..run import Run

_HINT = "end what runs as it; see `getent passwd` and `getent group` on the node"


def _make_group(run: Run, name: str, gid: int | None = None) -> None:
    number = [] if gid is None else ["--gid", str(gid)]
    argv = ["groupadd", "--system", *number, name]
    run.run_checked(argv, "group-failed", f"group {name} could not be made", hint=_HINT)
    run.accounts.forget()


@dataclass(frozen=True)
class Group(Resource):
    """A system group; `members` is the file, if any, that says who was in it when it has to be made again."""

    kind: ClassVar[str] = "group"
    name: str
    members: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that is none."""
        plain_word(self.name)

    @property
    def key(self) -> str:
        """The group's name."""
        return self.name

    def compare(self, run: Run) -> list[Change]:
        """See whether it is there."""
        return [] if self.name in run.accounts.groups() else [Change("create")]

    def apply(self, run: Run) -> None:
        """Make it."""
        _make_group(run, self.name)
        if self.members:
            from ..users.accounts import rejoin  # few nodes have a hub

            rejoin(run, self.name, self.members)


@dataclass(frozen=True)
class User(Resource):
    """A system user with a group of the same name, and membership of `groups`.

    Its home says which ids it had: made again it gets these, so that what it owned is its own as before.
    """

    kind: ClassVar[str] = "user"
    name: str
    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that are none."""
        for name in (self.name, *self.groups):
            plain_word(name)

    @property
    def key(self) -> str:
        """The user's name."""
        return self.name

    def compare(self, run: Run) -> list[Change]:
        """Compare home, shell and groups."""
        user = run.accounts.users().get(self.name)
        if user is None:
            return [Change("create")]
        changes = [] if self.name in run.accounts.groups() else [Change("create its group")]
        if user.home != self.home:
            changes.append(Change(f"home {user.home} → {self.home}"))
        if user.shell != self.shell:
            changes.append(Change(f"shell {user.shell} → {self.shell}"))
        return changes + [Change(f"join group {group}") for group in self._missing(run)]

    def _missing(self, run: Run) -> list[str]:
        groups, user = run.accounts.groups(), run.accounts.users().get(self.name)
        primary = {name for name, (gid, _) in groups.items() if user and gid == user.gid}
        member = {name for name, (_, members) in groups.items() if self.name in members}
        return [name for name in self.groups if name not in primary | member]

    def apply(self, run: Run) -> None:
        """Make or change it, its group first."""
        uid, gid = self._former_ids(run)
        if self.name not in run.accounts.groups():
            _make_group(run, self.name, gid)
        account = ["--home-dir" if self.name not in run.accounts.users() else "--home", self.home]
        account += ["--shell", self.shell]
        missing = self._missing(run)
        if self.name in run.accounts.users():
            argv = ["usermod", *account, *(["--append", "--groups", ",".join(missing)] if missing else [])]
        else:
            number = [] if uid is None else ["--uid", str(uid)]
            member = ["--groups", ",".join(missing)] if missing else []
            argv = ["useradd", "--system", "--no-create-home", *number, "--gid", self.name, *account, *member]
        run.run_checked([*argv, self.name], "user-failed", f"user {self.name} could not be made", hint=_HINT)
        run.accounts.forget()

    def _former_ids(self, run: Run) -> tuple[int | None, int | None]:
        """Return the ids that the user and its group had, where that is known and they are free."""
        users, groups = run.accounts.users(), run.accounts.groups()
        kind, home = kind_of(run.path(self.home))
        uid = home.st_uid if home and kind == "directory" else 0
        gid = home.st_gid if home and kind == "directory" else 0
        if self.name in users:
            gid = users[self.name].gid
        taken = {user.uid for user in users.values()}, {number for number, _ in groups.values()}
        return uid if uid and uid not in taken[0] else None, gid if gid and gid not in taken[1] else None
