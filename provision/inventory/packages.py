"""What the users of a hub have beside its own packages: a file for each node, beside the inventory, and its locks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError
from ..reading import read_regular

_ASKED = "# asked for: "
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
_VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,60}"
_PIN = re.compile(rf"({_NAME})==({_VERSION})( ; [^\\\n]+)? \\")
_HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?")


@dataclass(frozen=True)
class Pin:
    """A version that a lock pins, and its lines; the name is normal, the marker says where it counts."""

    name: str
    version: str
    marker: str
    text: str


@dataclass(frozen=True)
class Extra:
    """What was asked for, as requirements of one line, and the lock that it was resolved to."""

    asked: tuple[str, ...] = ()
    lock: str = ""

    def by_name(self) -> dict[str, str]:
        """Return the requirements by their normal names."""
        return {name_of(each): each for each in self.asked}


def requirement(text: str) -> str:
    """Return a requirement without spaces: a name, perhaps with extras and versions.

    Raises:
        ValueError: it is none, or says where the package is or how it is installed.
    """
    if not _can_be_asked_for(text):
        raise ValueError(f"{text!r} is no name of a package, with versions if you like")
    return text.replace(" ", "")


def _can_be_asked_for(text: str) -> bool:
    """Whether the installer takes a requirement, and it is a name, extras and versions alone.

    The library takes a few more than the installer: `name_`, `name()` and, with `===`, any text for a version.
    """
    # Here, since a deploy reads no operator's words, and does not wait for this.
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    try:
        found = Requirement(text)
        for name in (found.name, *found.extras):
            canonicalize_name(name, validate=True)
    except ValueError:
        return False
    plain = text.isprintable() and not any(sign in text for sign in ("(", "==="))
    return plain and found.url is None and found.marker is None


def name_of(requirement: str) -> str:
    """Return the normal name of a requirement's package."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    return canonicalize_name(Requirement(requirement).name)


def pins(lock: str) -> list[Pin]:
    """Return what a lock pins.

    Raises:
        ValueError: a line of it is neither of a pin with hashes nor a comment.
    """
    return list(_pins(lock))


def _pins(lock: str) -> Iterator[Pin]:
    head: re.Match[str] | None = None
    text: list[str] = []
    for number, line in enumerate([*lock.splitlines(), ""], 1):
        if head and _HASH.fullmatch(line):
            text.append(line)
            continue
        if head and (len(text) == 1 or text[-1].endswith("\\")):
            raise ValueError(f"line {number} is not the hash that it should be")
        if head:
            name = re.sub(r"[-_.]+", "-", head[1]).lower()  # in a deploy, which imports no library for it
            yield Pin(name, head[2], head[3] or "", "\n".join(text) + "\n")
        head, text = _PIN.fullmatch(line), [line]
        if not head and line and not line.startswith("#"):
            raise ValueError(f"line {number} pins nothing")


def merged(own: str, more: str) -> str:
    """Return a lock with what another one has besides; what both have is as the first says."""
    if not more:
        return own
    has = {pin.name for pin in pins(own) if not pin.marker}
    return own + "".join(pin.text for pin in pins(more) if pin.name not in has)


def versions(own: str, more: str) -> dict[str, str]:
    """Return the versions that two merged locks give, by normal names."""
    certain = [pin for pin in pins(own) if not pin.marker]
    return {pin.name: pin.version for pin in (*pins(more), *certain)}


def path_for(inventory: Path, node: str) -> Path:
    """Return the path of a node's packages."""
    return inventory.with_name(f"{inventory.stem}.{node}.packages")


def read(inventory: Path, node: str) -> Extra:
    """Return what was asked for on a node, nothing where there is no file.

    Raises:
        HubError: the file has other lines than hubctl writes.
    """
    lines = _lines(inventory, node)
    asked = [line.removeprefix(_ASKED).rstrip("\n") for line in lines if line.startswith(_ASKED)]
    try:
        return Extra(tuple(map(requirement, asked)), _without_comments(lines))
    except ValueError as error:
        raise _damaged(inventory, node, error) from None


def read_lock(inventory: Path, node: str) -> str:
    """Return the lock of a node, which is all that a deploy needs; nothing where there is no file.

    Raises:
        HubError: the file has other lines than hubctl writes.
    """
    return _without_comments(_lines(inventory, node))


def _lines(inventory: Path, node: str) -> list[str]:
    """Return the lines of a node's file, those that are no comments checked."""
    path = path_for(inventory, node)
    if not path.exists():
        return []
    text = read_regular(path).decode(errors="replace")
    try:
        pins(text)
    except ValueError as error:
        raise _damaged(inventory, node, error) from None
    return text.splitlines(keepends=True)


def _without_comments(lines: list[str]) -> str:
    return "".join(line for line in lines if line[:1] != "#")


def _damaged(inventory: Path, node: str, error: ValueError) -> HubError:
    path = path_for(inventory, node)
    return HubError(
        "packages-damaged",
        f"{path} is not as hubctl writes it",
        why=str(error),
        hint=f"take it back from version control: git checkout {path}",
        exit_code=Exit.INVENTORY,
    )


def text_of(node: str, extra: Extra) -> str:
    """Return the file's text."""
    title = f"# What users of the hub on {node} have besides, as `hubctl packages add NAME` wrote it.\n"
    return title + "".join(f"{_ASKED}{each}\n" for each in extra.asked) + extra.lock
