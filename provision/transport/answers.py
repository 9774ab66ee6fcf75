"""What operations of the engine answer (docs/reference/engine.md), each read as its own type alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from .events import Count, Holder, Name, Seconds, Text, garbled

_Bytes = Annotated[int, Meta(ge=0, le=1 << 62)]
_Float = Annotated[float, Meta(ge=-1e9, le=1e9)]


class Heard(Struct, frozen=True):
    """How a service answered that was asked for its health.

    Attributes:
        problem: what went wrong, or nothing.
        silent: whether the connection stands and the service says nothing by itself.
        ms: how long it took, in milliseconds.
    """

    problem: Text
    silent: bool = False
    ms: Seconds = 0.0

    def __str__(self) -> str:
        """Say it in a few words, after what was asked."""
        if self.problem:
            return f"does not answer: {self.problem}"
        return "keeps the connection open" if self.silent else f"answers in {self.ms:.0f} ms"


class Process(Struct, frozen=True):
    """A process of the node; `uptime` in seconds."""

    name: Name
    unit: Name
    active: Name
    sub: Name
    pid: Count
    uptime: Count
    restarts: Count


class Disk(Struct, frozen=True):
    """The root file system, in bytes."""

    size: _Bytes
    free: _Bytes


class Room(Struct, frozen=True):
    """Who is at work on a hub.

    Attributes:
        servers: how many servers run.
        active: how many users were active in the last five minutes.
        memory: what all servers take, in bytes; None where control groups do not tell.
    """

    servers: Count
    active: Count
    memory: _Bytes | None


class Changed(Struct, frozen=True):
    """What a run changed of a resource."""

    id: Name
    what: list[Text] = []


class Done(Struct, frozen=True):
    """A run that was: a line of the node's log, which earlier versions may have written."""

    id: Name = ""
    who: Name = ""
    origin: Name = msgspec.field(name="from", default="")
    command: Text = ""
    started: Name = ""
    begun: Name = ""
    ended: Name = ""
    result: Name = ""
    ok: Count = 0
    changed: list[Name] = []
    changes: list[Changed] = []
    failed: list[Name] = []


class Status(Struct, frozen=True):
    """How a node is; `certificates` in days left, `last` the run before.

    `down` describes the units of the last plan that are not up, `missing` names its certificates that are not there.
    """

    processes: list[Process]
    releases: dict[Name, Name]
    certificates: dict[Name, _Float]
    disk: Disk
    load: list[_Float]
    lock: Holder | None
    pending: list[Name]
    services: dict[Name, Heard] = {}
    down: list[Text] = []
    missing: list[Name] = []
    room: Room | None = None
    last: Done | None = None


class Release(Struct, frozen=True):
    """A release on a node."""

    service: Name
    release: Name
    made: Name
    bundle: Name
    current: bool
    previous: bool
    healthy: bool


class Releases(Struct, frozen=True):
    """The releases on a node."""

    releases: list[Release]


class History(Struct, frozen=True):
    """What was done to a node, oldest first."""

    runs: list[Done]


class Lock(Struct, frozen=True):
    """Who works on a node, if anybody, and whether the lock was given back."""

    holder: Holder | None
    released: bool = False

    @property
    def plain_holder(self) -> dict[str, Any] | None:
        """The holder as `--json` shows it."""
        return plain(self.holder) if self.holder else None


class Resolved(Struct, frozen=True):
    """The lock that packages were resolved to."""

    lock: Annotated[str, Meta(max_length=4 << 20)]


class Package(Struct, frozen=True):
    """A package that an admin of a hub added in the browser: what was asked for, and the version that users have."""

    name: Name
    asked: Name
    version: Name


class Packages(Struct, frozen=True):
    """What admins of a hub added in the browser."""

    added: list[Package]


class User(Struct, frozen=True):
    """A user of a hub.

    Attributes:
        name: who.
        admin: whether they are an admin of the hub.
        seen: when they were last active, UTC in ISO 8601.
        bytes: what their home takes.
        server: whether their server runs.
        leaving: whether they are being removed.
        has_password: whether they have one; without it they cannot log in.
    """

    name: Name
    admin: bool
    seen: Name | None
    bytes: _Bytes | None
    server: bool
    leaving: bool
    has_password: bool


class Users(Struct, frozen=True):
    """The users of a hub, and the names that the node's other accounts and groups have."""

    users: list[User]
    others: list[Name] = []


class Pushed(Struct, frozen=True):
    """What became of materials in one home.

    Attributes:
        name: whose.
        new: files that were not there.
        updated: files that their owner had not changed since the last push.
        kept: files that their owner changed, with nothing new to put beside them.
        conflict: files that their owner changed, beside which the new ones were put.
        same: files that were there already.
        beside: the first paths of what was put beside.
        problem: why not all came there, or nothing.
    """

    name: Name
    new: Count = 0
    updated: Count = 0
    kept: Count = 0
    conflict: Count = 0
    same: Count = 0
    beside: list[Name] = []
    problem: Text = ""


class Materials(Struct, frozen=True):
    """What became of materials in all homes."""

    users: list[Pushed]


ANSWERS: Mapping[str, type[Struct]] = {
    "ask": Heard,
    "history": History,
    "lock-release": Lock,
    "lock-status": Lock,
    "materials-pull": Materials,
    "materials-push": Materials,
    "packages-list": Packages,
    "packages-resolve": Resolved,
    "releases": Releases,
    "status": Status,
    "users-list": Users,
}


def read(op: str, said: Raw | None) -> Any:
    """Return the answer of an operation, None of one that answers nothing.

    Raises:
        Garbled: it is not what the operation answers, or there is none.
    """
    if said is None:
        said = Raw(b"null")
    try:
        return msgspec.json.decode(said, type=ANSWERS.get(op, type(None)))
    except (ValueError, RecursionError) as error:
        raise garbled(error, bytes(said)) from None


def plain(answer: Struct) -> dict[str, Any]:
    """Return an answer as `--json` shows it."""
    found: dict[str, Any] = msgspec.to_builtins(answer)
    return found
