"""What plans need beyond the inventory: secrets, which are made where they are missing, and where nodes are."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from ..secrets.model import Document, Generations, replaced, tunnel_key
from ..secrets.value import Secret
from ..services import secrets_of
from ..steps.context import Location
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from .fleet import LoadedFleet

KEY_BYTES = 32


@dataclass(frozen=True)
class Needs:
    """Secrets by name, and the places of the fleet's nodes."""

    keys: Mapping[str, Generations]
    locations: Mapping[str, Location]


def needs(loaded: LoadedFleet, nodes: Sequence[str], *, make: bool) -> Needs:
    """Gather what the plans of some nodes need; where that is nothing, the secrets are not even opened.

    Args:
        loaded: the fleet.
        nodes: the nodes that will be planned.
        make: whether a key that is missing is made and kept, or only made up for a comparison.
    """
    names = keys_of(loaded.fleet, nodes)
    if not names:
        return Needs({}, {})
    keys = _keys(loaded, names, make=make)
    pins = hostkeys.read(loaded.path).values()
    return Needs(keys, {pin.node: _location(pin) for pin in pins if pin.addresses})


def keys_of(fleet: Fleet, nodes: Sequence[str]) -> list[str]:
    """Return the names of the secrets that some nodes need."""
    ends = (name for name, tunnel in fleet.tunnels.items() if {tunnel.to, *tunnel.sources} & set(nodes))
    services = (name for node in nodes for name in secrets_of(fleet.nodes[node]))
    return list(dict.fromkeys([*map(tunnel_key, ends), *services]))


def nodes_with(fleet: Fleet, key: str) -> list[str]:
    """Return the nodes that need a secret."""
    return [node for node in fleet.nodes if key in keys_of(fleet, [node])]


def new_key() -> Secret:
    """Make a key: 32 random bytes in hexadecimal digits, which spiped hashes as well as any bytes."""
    return Secret(secrets.token_hex(KEY_BYTES))


def _keys(loaded: LoadedFleet, names: Sequence[str], *, make: bool) -> dict[str, Generations]:
    document = loaded.secrets.read()
    missing = [name for name in names if not document.generations(name)]
    if missing and make:
        with loaded.secrets.locked():
            document = _with_keys(loaded.secrets.read(), missing)
            loaded.secrets.write(document)
    elif missing:
        document = _with_keys(document, missing)
    return {name: document.generations(name) for name in names}


def _with_keys(document: Document, names: Sequence[str]) -> Document:
    for name in names:
        if not document.generations(name):
            document = document.with_secret(name, replaced((), new_key(), datetime.now(UTC)))
    return document


def _location(pin: Pin) -> Location:
    """Return where a node is; names are resolved here for the firewalls of others, which know addresses only."""
    sources: list[str] = []
    for address in pin.addresses:
        try:
            found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise HubError(
                "unknown-address",
                f"node {pin.node} is pinned at {address}, which has no IP address",
                why=str(error),
                hint="correct the name server or the pin: the other end's firewall lets in addresses",
                exit_code=Exit.UNREACHABLE,
            ) from None
        sources += [str(entry[4][0]) for entry in found]
    return Location(pin.addresses[0], tuple(dict.fromkeys(sources)))
