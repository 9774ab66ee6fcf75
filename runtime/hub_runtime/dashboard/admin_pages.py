"""The pages on which admins say who may use the hub, and with what: from what the node says to HTML, and nothing else.

Addresses, below the root of a `View`:

| address | what it is |
|---|---|
| ``people`` | `people` |
| ``people/remove?name=NAME`` | `leaving`, which asks once more |
| ``POST people/add`` (``names``), ``POST people/password`` and ``POST people/remove`` (``name``) | `work` |
| ``packages`` | `packages` |
| ``POST packages/add`` (``packages``), ``POST packages/remove`` (``name``) | `work` |
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from ..web.look import render, stream
from ..web.view import View
from .node import Said

TEMPLATES = Path(__file__).parent / "templates"
_SET = "set the password"
_PAUSE_SECONDS = 2.0
"""Between two lines of the same kind, by their first word, of what is being done."""


class User(msgspec.Struct, frozen=True):
    """Somebody who may use the hub, as the node knows them.

    Attributes:
        name: their account.
        admin: whether they look after others.
        seen: when they were last active, in UTC.
        bytes: what their home takes, where that is known.
        server: whether their server runs.
        leaving: whether a removal was begun that is not done.
        has_password: whether they can log in.
    """

    name: str
    admin: bool = False
    seen: str | None = None
    bytes: int | None = None
    server: bool = False
    leaving: bool = False
    has_password: bool = True


class Users(msgspec.Struct, frozen=True):
    """All of them."""

    users: tuple[User, ...] = ()


class Package(msgspec.Struct, frozen=True):
    """A package that users can import; `asked` is the requirement, where an admin added it."""

    name: str
    version: str
    asked: str = ""


class Packages(msgspec.Struct, frozen=True):
    """All of them: those that admins added, and those that the hub brings."""

    added: tuple[Package, ...] = ()
    others: tuple[Package, ...] = ()


@dataclass(frozen=True)
class Task:
    """What is to be done on the node.

    Attributes:
        title: what it is called.
        back: the page to go on with, and its name.
        then: what it means for those who work, once it is done.
    """

    title: str
    back: tuple[str, str]
    then: str = ""


class Work:
    """What is done on the node, line by line, and then what came of it.

    Args:
        said: what the node says, as it says it.
    """

    def __init__(self, said: Iterable[Said]) -> None:
        self._said = said
        self._made: dict[str, str] = {}
        self.cards: dict[str, str] = {}
        """Passwords by name, of those who have them now."""
        self.problems: list[Said] = []
        self.changed = False

    def lines(self) -> Iterator[str]:
        """Yield what is done; what is under way only now and then. Afterwards the rest is known."""
        shown: dict[str, float] = {}
        for said in self._said:
            if said.event == "progress":
                kind, now = said.text.partition(" ")[0], time.monotonic()
                if now - shown.get(kind, -_PAUSE_SECONDS) >= _PAUSE_SECONDS:
                    shown[kind] = now
                    yield said.text
            elif line := self._take(said):
                yield line

    def _take(self, said: Said) -> str:
        """Keep what comes of it; return a line for what was done."""
        if said.event == "passwords":
            self._made = said.passwords
        elif said.event == "error":
            self.problems.append(said)
        elif said.event == "locked":
            who = said.holder.get("who", "somebody")
            self.problems.append(Said("error", message=f"{who} works on the node just now: try again later"))
        elif said.event == "resource" and said.changes:
            self.changed = True
            kind, _, name = said.id.partition(":")
            done = [str(change.get("what", "")) for change in said.changes]
            if _SET in done and name in self._made:
                self.cards[name] = self._made[name]
            return f"{name}: {', '.join(done)}" if kind == "account" else ", ".join(done)
        return ""


def people(view: View, user: str, site: str, users: Iterable[User], now: datetime) -> str:
    """Everybody who may use the hub, and what can be done about it."""
    return render(TEMPLATES, "people.html", view, user=user, site=site, users=list(users), now=now)


def leaving(view: View, user: str, site: str, name: str) -> str:
    """The question whether somebody is really to go."""
    return render(TEMPLATES, "leaving.html", view, user=user, site=site, name=name)


def packages(view: View, user: str, site: str, found: Packages) -> str:
    """What users can import, and what can be done about it."""
    return render(TEMPLATES, "packages.html", view, user=user, site=site, found=found)


def work(view: View, user: str, site: str, task: Task, address: str, said: Iterable[Said]) -> Iterator[str]:
    """What is done, piece by piece while it is: `address` is the hub's, for the cards."""
    values = {"user": user, "site": site, "task": task, "address": address}
    return stream(TEMPLATES, "work.html", view, work=Work(said), **values)
