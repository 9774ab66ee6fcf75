"""Every kind of event that `--json` writes: what its fields are and mean. docs/reference/events.md is made of this.

Each line has `event`, the kind, and `time`, UTC in ISO 8601; what is said here comes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict, get_args, get_origin, get_type_hints


class Step(TypedDict):
    """Something that takes time begins, is at something, or ends."""

    text: Annotated[str, "what is going on"]
    state: Annotated[str, "started, running, done, failed or stopped"]
    node: NotRequired[Annotated[str, "whose it is, where it is a node's"]]
    note: NotRequired[Annotated[str, "what it is at; with `running`"]]
    seconds: NotRequired[Annotated[float, "how long it took; with `done`, `failed` and `stopped`"]]


class Error(TypedDict):
    """Something is wrong, and what to do; of a file with several mistakes, one each."""

    code: Annotated[str, "the stable name of the error"]
    message: Annotated[str, "what is wrong"]
    why: NotRequired[Annotated[str, "the cause, or the evidence"]]
    hint: NotRequired[Annotated[str, "what to do next"]]
    file: NotRequired[Annotated[str, "the inventory, where the mistake is in one"]]
    line: NotRequired[Annotated[int, "the line, from 1"]]
    column: NotRequired[Annotated[int, "the column, from 1"]]


class Engine(TypedDict):
    """What a node's engine says while it is at work."""

    node: Annotated[str, "the node"]
    detail: Annotated[dict[str, Any], "the engine's own event (engine.md), with its kind as `event`"]


class Outcome(TypedDict):
    """What became of a node: `deploy`, `plan`, `rollback`, `restart`, `create-node`."""

    node: Annotated[str, "the node"]
    ok: NotRequired[Annotated[int, "resources that were right"]]
    changed: NotRequired[Annotated[int, "resources that were changed, or would be"]]
    failed: NotRequired[Annotated[int, "resources that could not be made right"]]
    seconds: NotRequired[Annotated[float, "how long the node took"]]
    error: Annotated[dict[str, Any] | None, "fields of `error`; of a node that was not tried, `not-tried`"]


class Node(TypedDict):
    """A machine is there: `create-node`."""

    node: Annotated[str, "the node"]
    id: Annotated[int, "the machine's number at the cloud"]
    address: Annotated[str, "its IPv4 address"]
    new: Annotated[bool, "whether it was made just now"]
    records: Annotated[list[str], "DNS records that were changed"]


class Destroyed(TypedDict):
    """A node is removed: `destroy-node`."""

    node: Annotated[str, "the node"]
    removed: Annotated[list[str], "what was removed, a line each"]
    left: Annotated[list[str], "what stays at the cloud, a line each"]


class Pin(TypedDict):
    """A node's pin is there: `pin`."""

    node: Annotated[str, "the node"]
    fingerprint: Annotated[str, "of its host key"]
    addresses: Annotated[list[str], "where it is, IPv4 first"]
    new: Annotated[bool, "whether it was missing"]


class Status(TypedDict):
    """How a node is: `status`."""

    node: Annotated[str, "the node"]
    processes: Annotated[list[Any], "name, unit, active, sub, pid, uptime in seconds, restarts"]
    releases: Annotated[dict[str, str], "the release that serves, by service"]
    certificates: Annotated[dict[str, float], "days left, by name"]
    disk: Annotated[dict[str, int], "size and free, in bytes"]
    load: Annotated[list[float], "the load averages"]
    lock: Annotated[dict[str, Any] | None, "who works there"]
    pending: Annotated[list[str], "what is due at the next deploy"]
    services: Annotated[dict[str, Any], "problem, silent, ms: how each service answers for its health"]
    down: Annotated[list[str], "units of the last deploy that are not up, with how they are"]
    missing: Annotated[list[str], "certificates of the last deploy that are not there"]
    room: Annotated[
        dict[str, int | None] | None,
        "of a hub: servers that run, users active in the last five minutes, memory of all servers in bytes or null",
    ]
    last: Annotated[dict[str, Any] | None, "the run before, as in `run`"]


class Tunnel(TypedDict):
    """Whether something answers at a tunnel's far end: `status`."""

    node: Annotated[str, "where the tunnel begins"]
    name: Annotated[str, "the tunnel"]
    problem: Annotated[str, "what went wrong, or nothing"]
    ms: Annotated[float, "how long the answer took"]


class Release(TypedDict):
    """A release on a node: `releases`."""

    node: Annotated[str, "the node"]
    service: Annotated[str, "the service"]
    release: Annotated[str, "its address"]
    made: Annotated[str, "when it was built"]
    bundle: Annotated[str, "sha256 of its code"]
    current: Annotated[bool, "whether it serves"]
    previous: Annotated[bool, "whether `rollback` goes there"]
    healthy: Annotated[bool, "whether it ever was"]


class Run(TypedDict):
    """Something that was done to a node: `history`."""

    node: Annotated[str, "the node"]
    id: Annotated[str, "of the run"]
    who: Annotated[str, "user and computer"]
    from_: Annotated[str, "the computer, or the job in CI"]
    command: Annotated[str, "what was asked"]
    started: Annotated[str, "when it was asked for"]
    begun: Annotated[str, "when the node began"]
    ended: Annotated[str, "when it ended"]
    result: Annotated[str, "how it ended"]
    ok: Annotated[int, "resources that were right"]
    changed: Annotated[list[str], "resources that were changed"]
    changes: Annotated[list[Any], "id and what, of each"]
    failed: Annotated[list[str], "resources that failed"]


class Lock(TypedDict):
    """Who works on a node: `lock status`, `lock release`."""

    node: Annotated[str, "the node"]
    holder: Annotated[dict[str, Any] | None, "who, from, command, started, since; nobody: null"]
    released: NotRequired[Annotated[bool, "whether the lock is free now; `lock release`"]]


class Output(TypedDict):
    """A line that a command wrote: `run`."""

    node: Annotated[str, "the node"]
    stream: Annotated[str, "stdout or stderr"]
    line: Annotated[str, "the line"]


class Ran(TypedDict):
    """A command ended: `run`."""

    node: Annotated[str, "the node"]
    status: Annotated[int, "its exit status"]
    failed: Annotated[bool, "whether it could not be run"]


class Rotation(TypedDict):
    """How far the change of a key is: `rotate-key`."""

    key: Annotated[str, "the key"]
    generations: NotRequired[Annotated[dict[str, str], "the state of each generation"]]
    state: NotRequired[Annotated[str, "how far the operator's key is"]]


class Rotated(TypedDict):
    """A key is changed: `rotate-key`."""

    key: Annotated[str, "the key"]


class Kept(TypedDict):
    """A key is younger than was asked for: `rotate-key --older-than`."""

    key: Annotated[str, "the key"]


class Secret(TypedDict):
    """A secret, never its value: `secrets list`, `secrets set`."""

    name: Annotated[str, "the secret"]
    generation: Annotated[int, "its number"]
    status: Annotated[str, "next, current, former or retired"]
    created: NotRequired[Annotated[str, "when it was made"]]
    days: NotRequired[Annotated[int, "its age"]]


class Edited(TypedDict):
    """Secrets were changed by hand: `secrets edit`."""

    names: Annotated[list[str], "those that changed"]


class Recipient(TypedDict):
    """Whose key opens the secrets: `secrets recipients`."""

    key: Annotated[str, "the public key"]
    added: NotRequired[Annotated[bool, "whether it could not before; `add`"]]
    removed: NotRequired[Annotated[bool, "true; `remove`"]]


class User(TypedDict):
    """A user of a hub: `users list`."""

    node: Annotated[str, "the node"]
    name: Annotated[str, "who"]
    admin: Annotated[bool, "whether they are an admin of the hub"]
    seen: Annotated[str | None, "when they were last active; null where they never were"]
    bytes: Annotated[int | None, "what their home takes; null where that could not be told"]
    server: Annotated[bool, "whether their server runs"]
    leaving: Annotated[bool, "whether they are being removed"]
    has_password: Annotated[bool, "whether they have a password; without one they cannot log in"]
    inventory: Annotated[bool, "whether the inventory names them"]


class Package(TypedDict):
    """A package that users of a hub have besides: `packages list`, `add` and `remove`; each after the change."""

    node: Annotated[str, "the node"]
    name: Annotated[str, "the package, in small letters with hyphens"]
    asked: Annotated[str, "what was asked for, such as `numpy>=2`"]
    version: Annotated[str, "what that was resolved to"]
    source: Annotated[
        str, "inventory, command or browser: what asks for it; `packages add` says nothing of the last"
    ]


class Account(TypedDict):
    """What became of a user: `users add`, `admin`, `import`, `passwd`, `remove`; of one whom a deploy made."""

    node: Annotated[str, "the node"]
    name: Annotated[str, "who"]
    done: Annotated[list[str], "what was done; nothing of one who was there already"]
    password: NotRequired[Annotated[str, "that was made, unless it is on a sheet (`--sheet`)"]]


class Materials(TypedDict):
    """What became of materials in one home: `materials push`; without a PATH, all counts are 0."""

    node: Annotated[str, "the node"]
    name: Annotated[str, "whose home"]
    new: Annotated[int, "files that were not there"]
    updated: Annotated[int, "files that their owner had not changed"]
    kept: Annotated[int, "files that their owner changed, and of which nothing is new"]
    conflict: Annotated[int, "files that their owner changed; what is new is beside them"]
    same: Annotated[int, "files that were there as they are"]
    beside: Annotated[list[str], "where that is, the first ten"]
    problem: Annotated[str, "why not all came there, or nothing"]


class Link(TypedDict):
    """Where what was pushed opens, for whoever is logged in: `materials push PATH`."""

    node: Annotated[str, "the node"]
    url: Annotated[str, "the address"]


class Image(TypedDict):
    """An image of the account's own: `image bake`, `image list`."""

    name: Annotated[str, "what it is called"]
    base: Annotated[str, "the image that it was made from"]
    digest: Annotated[str, "of what was baked into it"]
    created: Annotated[str, "when it was made"]
    regions: Annotated[list[str], "where it is"]
    size_gb: Annotated[float, "its size"]


class Removed(TypedDict):
    """An image is removed: `image remove`."""

    image: Annotated[str, "what it was called"]
    created: Annotated[str, "when it was made"]


class Local(TypedDict):
    """The cloud on this computer: `local up`, `local status`."""

    name: Annotated[str, "its name"]
    endpoint: Annotated[str, "its API"]
    acme: NotRequired[Annotated[str, "its ACME directory; `up`"]]
    running: NotRequired[Annotated[bool, "whether it runs; `status`"]]
    machines: NotRequired[Annotated[list[Any], "name, status and address of each; `status`"]]


KINDS: tuple[type[Any], ...] = (
    *(Step, Error, Engine, Outcome, Node, Destroyed, Pin, Status, Tunnel, Release, Run, Lock, Output, Ran),
    *(
        Rotation,
        Rotated,
        Kept,
        Secret,
        Edited,
        Recipient,
        User,
        Package,
        Account,
        Materials,
        Link,
        Image,
        Removed,
        Local,
    ),
)
EVENTS: Mapping[str, type[Any]] = {kind.__name__.lower(): kind for kind in KINDS}


def fields(kind: type[Any]) -> dict[str, tuple[str, bool, str]]:
    """Return a kind's fields by name (`from_` stands for `from`): JSON type, whether it is always there, meaning."""
    found = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        always = get_origin(hint) is not NotRequired
        base, meaning = get_args(hint if always else get_args(hint)[0])
        found[name.rstrip("_")] = (_json_type(base), always, meaning)
    return found


def _json_type(base: Any) -> str:
    parts = [part for part in get_args(base) if part is type(None)]
    if parts:
        (inner,) = (part for part in get_args(base) if part is not type(None))
        return f"{_json_type(inner)} or null"
    names = {str: "text", int: "number", float: "number", bool: "true or false", list: "list", dict: "object"}
    return names[get_origin(base) or base]


def page() -> str:
    """Return the reference of all kinds, as Markdown."""
    lines = [
        "# Events",
        "",
        "With `--json` standard output has one JSON object a line and nothing else; what is for people goes to",
        "standard error. Every object has `event`, its kind, and `time` (UTC, ISO 8601). New kinds and fields may",
        "come; skip what you do not know. Secrets are in none of them, but for passwords that `users` has just made.",
    ]
    for name, kind in EVENTS.items():
        lines += ["", f"## {name}", "", kind.__doc__ or "", "", "| field | type | meaning |", "|---|---|---|"]
        for field, (json_type, always, meaning) in fields(kind).items():
            lines.append(f"| `{field}`{'' if always else ' (not always)'} | {json_type} | {meaning} |")
    return "\n".join(lines) + "\n"
