"""What steps may know of each node: its part of the inventory, its own secrets, and where its tunnels lead."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from ..bundles import bundle
from ..cloud.connect import acme_directory
from ..errors import Exit, HubError
from ..inventory import notebooks, packages
from ..inventory.model import Fleet
from ..secrets.model import Document, replaced, tunnel_key
from ..secrets.value import Secret
from ..services import secrets_of
from ..steps.context import Context, Location
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from .fleet import LoadedFleet

KEY_BYTES = 32


def contexts(loaded: LoadedFleet, nodes: Sequence[str], *, make: bool) -> Mapping[str, Context]:
    """Return the contexts of nodes, by name.

    Args:
        loaded: the fleet.
        nodes: the nodes that will be planned.
        make: whether a secret that is missing is made and kept, or only made up for a comparison.

    Raises:
        HubError: secrets, a node's packages or its notebook cannot be read, or a node at another end has no address.
    """
    fleet = loaded.fleet
    directory = acme_directory(fleet, loaded.path)
    document = _document(loaded, secret_names(fleet, nodes), make=make)
    locations = _locations(loaded, {end for node in nodes for end in _ends(fleet, node)})
    return {
        name: Context(
            fleet=fleet,
            name=name,
            node=fleet.nodes[name],
            acme_directory=directory,
            bundle=bundle,
            keys={key: document.generations(key) for key in secret_names(fleet, [name])},
            locations={end: locations[end] for end in _ends(fleet, name) if end in locations},
            packages=packages.read_unchecked(loaded.path, name).lock
            if fleet.nodes[name].services.jupyterhub
            else "",
            course=_course(loaded, name),
            notebook=notebooks.read(loaded.path, fleet.nodes[name].services.notebook_api),
        )
        for name in nodes
    }


def _course(loaded: LoadedFleet, node: str) -> bytes:
    """Return a tar of the folders that a node's hub has among its materials; nothing where it has none."""
    hub = loaded.fleet.nodes[node].services.jupyterhub
    if hub is None or not any(each.folder for each in hub.materials):
        return b""
    from .materials import packed  # few nodes have them

    return packed(loaded, node, hub.materials)


def secret_names(fleet: Fleet, nodes: Iterable[str]) -> list[str]:
    """Return the names of the secrets that some nodes need."""
    names = (
        name
        for node in nodes
        for name in (*map(tunnel_key, _tunnels_at(fleet, node)), *secrets_of(fleet.nodes[node]))
    )
    return list(dict.fromkeys(names))


def nodes_with(fleet: Fleet, secret: str) -> list[str]:
    """Return the nodes that need a secret."""
    return [node for node in fleet.nodes if secret in secret_names(fleet, [node])]


def new_key() -> Secret:
    """Make a key: 32 random bytes in hexadecimal digits, which spiped hashes as well as any bytes."""
    return Secret(secrets.token_hex(KEY_BYTES))


def _tunnels_at(fleet: Fleet, node: str) -> list[str]:
    return [name for name, tunnel in fleet.tunnels.items() if node in (tunnel.to, *tunnel.sources)]


def _ends(fleet: Fleet, node: str) -> list[str]:
    """Return the nodes at the ends of a node's tunnels."""
    found = (fleet.tunnels[name] for name in _tunnels_at(fleet, node))
    return [end for tunnel in found for end in (tunnel.to, *tunnel.sources)]


def _document(loaded: LoadedFleet, names: Sequence[str], *, make: bool) -> Document:
    """Return the secrets with all those that are named; where none is, they are not even opened."""
    if not names:
        return Document((), {})
    document = loaded.secrets.read()
    missing = [name for name in names if not document.generations(name)]
    if missing and make:
        with loaded.secrets.locked():
            document = _with_keys(loaded.secrets.read(), missing)
            loaded.secrets.write(document)
    return _with_keys(document, missing)


def _with_keys(document: Document, names: Sequence[str]) -> Document:
    for name in names:
        if not document.generations(name):
            document = document.with_secret(name, replaced((), new_key(), datetime.now(UTC)))
    return document


def _locations(loaded: LoadedFleet, nodes: set[str]) -> dict[str, Location]:
    """Return where nodes are, those that were created."""
    pins = hostkeys.read(loaded.path) if nodes else {}
    return {name: _location(pin) for name, pin in pins.items() if name in nodes and pin.addresses}


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
