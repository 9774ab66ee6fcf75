"""Who the inventory names as users of a hub: they have an account, and are admins or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..errors import NodeError
from ..files import kind_of
from ..records import dataclass
from .base import Change, Resource

if TYPE_CHECKING:
    from ..run import Run

MADE = "make the account, without a password"


@dataclass(frozen=True)
class HubUsers(Resource):
    """Accounts of `admins` and of `users`, who are none; new ones have no password. Whoever else there is stays."""

    kind: ClassVar[str] = "hub-users"
    admins: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Where they are named."""
        return "inventory"

    def compare(self, run: Run) -> list[Change]:
        """See who is missing, who has no home, and whose rights are others."""
        from ..users import accounts  # few nodes have a hub

        members, changes = accounts.members(run), []
        for name, admin in self._people():
            if name not in members:
                changes.append(Change(f"{name}: {MADE}"))
            elif kind_of(run.path(accounts.home_of(name)))[0] == "absent":
                changes.append(Change(f"{name}: make the home"))
            if members.get(name, False) != admin:
                changes.append(Change(f"{name}: {'make an admin' if admin else 'no admin any more'}"))
        return changes

    def _people(self) -> list[tuple[str, bool]]:
        return [*((name, True) for name in self.admins), *((name, False) for name in self.users)]

    def apply(self, run: Run) -> None:
        """Make them as they shall be.

        Raises:
            NodeError: somebody cannot be; nobody was made.
        """
        from ..users import accounts, removal
        from ..users.adding import Wanted, add, unfit

        wanted = [Wanted(name, admin=admin) for name, admin in self._people()]
        if problems := unfit(run, wanted):
            raise NodeError(
                "bad-user",
                "not all whom the inventory names can be users of the hub; nothing was changed for any of them",
                why="\n".join(problems),
                hint="name them in another way, or do on the node what is said; then deploy again",
            )
        accounts.make_groups(run)
        former = removal.highest_number(run)
        for each in wanted:
            add(run, each, former)
