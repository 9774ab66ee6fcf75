"""What the machine is like, read in bulk and only when asked: packages, users and groups."""

from __future__ import annotations

from .errors import NodeError
from .records import dataclass
from .system import System


class Dpkg:
    """Installed packages, from one reading of dpkg's status file."""

    def __init__(self, system: System) -> None:
        self._path = system.path("/var/lib/dpkg/status")
        self._installed: set[str] | None = None

    def installed(self) -> set[str]:
        """Return the names of the packages that are installed and configured."""
        if self._installed is None:
            self._installed = self._parse(self._path.read_bytes()) if self._path.exists() else set()
        return self._installed

    @staticmethod
    def _parse(data: bytes) -> set[str]:
        names = set()
        for stanza in data.split(b"\n\n"):
            # Package and Status stand at the head of a stanza, in this order.
            head = stanza[:300].lstrip() + b"\n"
            if head.startswith(b"Package: ") and b" ok installed\n" in head:
                names.add(head[9 : head.index(b"\n")].decode())
        return names

    def forget(self) -> None:
        """Read again next time."""
        self._installed = None


@dataclass(frozen=True)
class Account:
    """One line of /etc/passwd."""

    uid: int
    gid: int
    home: str
    shell: str


class Accounts:
    """Users and groups, from /etc/passwd and /etc/group."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._users: dict[str, Account] | None = None
        self._groups: dict[str, tuple[int, frozenset[str]]] | None = None

    def users(self) -> dict[str, Account]:
        """Return the users by name."""
        if self._users is None:
            self._users = {
                f[0]: Account(int(f[2]), int(f[3]), f[5], f[6]) for f in self._table("/etc/passwd", 7)
            }
        return self._users

    def groups(self) -> dict[str, tuple[int, frozenset[str]]]:
        """Return the groups by name: id and members."""
        if self._groups is None:
            self._groups = {
                f[0]: (int(f[2]), frozenset(filter(None, f[3].split(","))))
                for f in self._table("/etc/group", 4)
            }
        return self._groups

    def _table(self, path: str, columns: int) -> list[list[str]]:
        rows = (
            line.split(":") for line in self._system.path(path).read_text("utf-8", "replace").splitlines()
        )
        return [row for row in rows if len(row) == columns]

    def find(self, owner: str, group: str) -> tuple[int, int] | None:
        """Return the ids of a user and a group, or None while one of them is not there."""
        user, entry = self.users().get(owner), self.groups().get(group)
        return None if user is None or entry is None else (user.uid, entry[0])

    def ids(self, owner: str, group: str) -> tuple[int, int]:
        """Return the ids of a user and a group.

        Raises:
            NodeError: one of them does not exist.
        """
        found = self.find(owner, group)
        if found is None:
            missing = f"user {owner}" if owner not in self.users() else f"group {group}"
            raise NodeError(
                "unknown-account", f"there is no {missing} on the node", hint="list it before this resource"
            )
        return found

    def forget(self) -> None:
        """Read again next time."""
        self._users = self._groups = None
