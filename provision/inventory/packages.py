"""What the users of a hub have beside its own packages: a file for each node, beside the inventory, and its locks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError
from ..node.locks import pins
from ..reading import read_regular

_ASKED, _BASE = "# asked for: ", "# in the inventory: "


@dataclass(frozen=True)
class Extra:
    """What was asked for, as requirements of one line, what the inventory names, and the lock of both together."""

    asked: tuple[str, ...] = ()
    lock: str = ""
    base: tuple[str, ...] = ()


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


def path_for(inventory: Path, node: str) -> Path:
    """Return the path of a node's packages."""
    return inventory.with_name(f"{inventory.stem}.{node}.packages")


def read(inventory: Path, node: str) -> Extra:
    """Return what was asked for on a node, nothing where there is no file.

    Raises:
        HubError: the file has other lines than hubctl writes.
    """
    found = read_unchecked(inventory, node)
    try:
        for each in (*found.asked, *found.base):
            requirement(each)
    except ValueError as error:
        raise _damaged(inventory, node, error) from None
    return found


def read_unchecked(inventory: Path, node: str) -> Extra:
    """Return the same for a deploy, which looks at nothing but the lock: of what was asked for it needs the text.

    Raises:
        HubError: the file has other lines than hubctl writes.
    """
    lines = _lines(inventory, node)

    def said(mark: str) -> tuple[str, ...]:
        return tuple(line.removeprefix(mark).rstrip("\n") for line in lines if line.startswith(mark))

    return Extra(said(_ASKED), "".join(line for line in lines if line[:1] != "#"), said(_BASE))


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
    title = f"# What users of the hub on {node} have besides, as hubctl wrote it.\n"
    base = "".join(f"{_BASE}{each}\n" for each in extra.base)
    return title + base + "".join(f"{_ASKED}{each}\n" for each in extra.asked) + extra.lock
