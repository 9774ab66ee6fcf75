"""Requirements and locks: what they ask for and pin, and two put together. The controller uses this too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .records import dataclass

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
_VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,60}"
_PIN = re.compile(rf"({_NAME})==({_VERSION})( ; [^\\\n]+)? \\")
_EXTRAS = rf"( *\[ *{_NAME}( *, *{_NAME})* *\])?"
_CLAUSE = r" *(~=|==|!=|<=|>=|<|>) *[A-Za-z0-9.!+*_-]+ *"
SPECIFIER = rf"^{_NAME}{_EXTRAS}({_CLAUSE}(,{_CLAUSE})*)?$"
"""How a requirement is written; what is of this form may still be none (`requirement`)."""
_HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?")


@dataclass(frozen=True)
class Pin:
    """A version that a lock pins, and its lines; the name is normal, the marker says where it counts."""

    name: str
    version: str
    marker: str
    text: str


def asked_for(text: str) -> str:
    """Return a requirement without spaces.

    Raises:
        ValueError: it says anything else than a name, extras and versions.
    """
    if not re.fullmatch(SPECIFIER, text):
        raise ValueError(f"{text!r} is no name of a package, with versions if you like")
    return text.replace(" ", "")


def by_name(requirements: Iterable[str]) -> dict[str, str]:
    """Return requirements by the normal names of their packages."""
    return {name_of(each): each for each in requirements}


def name_of(requirement: str) -> str:
    """Return the normal name of a requirement's package."""
    found = re.match(_NAME, requirement)
    return normal(found[0] if found else requirement)


def normal(name: str) -> str:
    """Return a package's name as all its forms are written: small letters with hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
            yield Pin(normal(head[1]), head[2], head[3] or "", "\n".join(text) + "\n")
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
