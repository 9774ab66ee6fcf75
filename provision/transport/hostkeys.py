"""The host keys of a fleet's nodes, pinned in `<inventory>.known_hosts`, which ssh itself can read too.

A line is `<node>,<address>[,<address>] ssh-ed25519 <key> <node>`: the pin of a key and the node's addresses at once,
so that a deploy needs no question to the cloud. Where sshd listens on a port of its own the names are written
`[<address>]:<port>`, as ssh wants it; who logs in, where it is not root, stands in the comment: `<user>@<node>`.
Comments are kept, at its head; one notes the operator's public key. The file is meant to be committed beside the
inventory.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError
from ..keys import NOTE, pins_path
from ..node.files import alone_in, write_file
from ..reading import read_regular

USER, PORT = "root", 22

_WITH_PORT = re.compile(r"\[(?P<name>[^\]]+)\]:(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Pin:
    """Where a node is (IPv4 first), who logs in there, and its host key, base64 as in known_hosts."""

    node: str
    addresses: tuple[str, ...]
    key_type: str
    key: str
    user: str = USER
    port: int = PORT

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as ssh prints it."""
        return fingerprint(self.key)

    def line(self) -> str:
        """Return the pin as a line of known_hosts."""
        names = ",".join(host_name(name, self.port) for name in (self.node, *self.addresses))
        comment = self.node if self.user == USER else f"{self.user}@{self.node}"
        return f"{names} {self.key_type} {self.key} {comment}\n"


def host_name(address: str, port: int) -> str:
    """Return an address as known_hosts names it."""
    return address if port == PORT else f"[{address}]:{port}"


def _parse(line: str) -> Pin:
    """Return the pin of a line.

    Raises:
        ValueError: it is none.
    """
    names, key_type, key, comment = line.encode("ascii").decode().split()
    fingerprint(key)
    user, _, node = comment.rpartition("@")
    places = [_place(name) for name in names.split(",")]
    if len({port for _, port in places}) != 1:
        raise ValueError("several ports")
    addresses = tuple(address for address, _ in places if address != node)
    return Pin(node, addresses, key_type, key, user or USER, places[0][1])


def _place(name: str) -> tuple[str, int]:
    found = _WITH_PORT.fullmatch(name)
    return (found["name"], int(found["port"])) if found else (name, PORT)


def fingerprint(key: str) -> str:
    """Return the SHA256 fingerprint of a base64 public key."""
    digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


path_for = pins_path


def read(inventory: Path) -> dict[str, Pin]:
    """Return the pins of an inventory by node.

    Raises:
        HubError: a line is no pin.
    """
    path = path_for(inventory)
    if not path.exists():
        return {}
    pins = {}
    for number, line in enumerate(read_regular(path).decode(errors="replace").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found = _parse(line)
        except ValueError:
            raise HubError(
                "bad-pin",
                f"{path}:{number} is no host key line",
                why="expected: node,address key-type key node",
                hint="take the file back from version control; or remove the line, then `hubctl pin NODE`",
                exit_code=Exit.INVENTORY,
            ) from None
        pins[found.node] = found
    return pins


def pin(inventory: Path, new: Pin) -> None:
    """Write a node's pin, in the place of a former one."""
    with alone_in(inventory.parent):
        _write(inventory, {**read(inventory), new.node: new})


def note_operator(inventory: Path, public_key: str) -> None:
    """Note the operator's key that the nodes trust: whoever has the file finds the key by it, wherever it lies."""
    line = NOTE + " ".join(public_key.split()[:2])
    with alone_in(inventory.parent):
        pins, comments = read(inventory), _comments(inventory)
        if pins and line not in comments:
            kept = [comment for comment in comments if not comment.startswith(NOTE)]
            _write(inventory, pins, [line, *kept])


def unpin(inventory: Path, node: str) -> bool:
    """Remove a node's pin; return whether there was one."""
    with alone_in(inventory.parent):
        pins = read(inventory)
        if node not in pins:
            return False
        del pins[node]
        _write(inventory, pins)
        return True


def _comments(inventory: Path) -> list[str]:
    path = path_for(inventory)
    lines = read_regular(path).decode(errors="replace").splitlines() if path.exists() else []
    return [line for line in lines if line.startswith("#")]


def _write(inventory: Path, pins: dict[str, Pin], comments: list[str] | None = None) -> None:
    path = path_for(inventory)
    if not pins:
        path.unlink(missing_ok=True)
        return
    head = "".join(f"{line}\n" for line in (_comments(inventory) if comments is None else comments))
    write_file(path, head + "".join(pins[node].line() for node in sorted(pins)), 0o644)
