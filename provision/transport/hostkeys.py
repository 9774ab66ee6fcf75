"""The host keys of a fleet's nodes, pinned in `<inventory>.known_hosts`, which ssh itself can read too.

A line is `<node>,<address>[,<address>] ssh-ed25519 <key> <node>`: the pin of a key and the node's addresses at once,
so that a deploy needs no question to the cloud. The file is meant to be committed beside the inventory.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError


@dataclass(frozen=True)
class Pin:
    """A node's addresses (IPv4 first) and its host key, base64 as in known_hosts."""

    node: str
    addresses: tuple[str, ...]
    key_type: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as ssh prints it."""
        return fingerprint(self.key)

    def line(self) -> str:
        """Return the pin as a line of known_hosts."""
        return f"{','.join((self.node, *self.addresses))} {self.key_type} {self.key} {self.node}\n"


def fingerprint(key: str) -> str:
    """Return the SHA256 fingerprint of a base64 public key."""
    digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def path_for(inventory: Path) -> Path:
    """Return the path of an inventory's known_hosts file."""
    return inventory.with_suffix(".known_hosts")


def read(inventory: Path) -> dict[str, Pin]:
    """Return the pins of an inventory by node.

    Raises:
        HubError: a line is no pin.
    """
    path = path_for(inventory)
    if not path.exists():
        return {}
    pins = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            (names, key_type, key, node) = words
            fingerprint(key)
        except ValueError:
            raise HubError(
                "bad-pin",
                f"{path}:{number} is no host key line",
                why="expected: node,address key-type key node",
                hint="take the file back from version control, or create the node again",
                exit_code=Exit.INVENTORY,
            ) from None
        pins[node] = Pin(node, tuple(name for name in names.split(",") if name != node), key_type, key)
    return pins


def pin(inventory: Path, new: Pin) -> None:
    """Write a node's pin, in the place of a former one."""
    with _alone(inventory):
        _write(inventory, {**read(inventory), new.node: new})


def unpin(inventory: Path, node: str) -> bool:
    """Remove a node's pin; return whether there was one."""
    with _alone(inventory):
        pins = read(inventory)
        if node not in pins:
            return False
        del pins[node]
        _write(inventory, pins)
        return True


@contextlib.contextmanager
def _alone(inventory: Path) -> Iterator[None]:
    """Keep others from changing the pins: several nodes may be created at once. Locks the folder, leaves no file."""
    folder = os.open(inventory.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(inventory: Path, pins: dict[str, Pin]) -> None:
    path = path_for(inventory)
    if not pins:
        path.unlink(missing_ok=True)
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".known_hosts-", delete=False) as file:
        file.write("".join(pins[node].line() for node in sorted(pins)))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
