"""The first contact with a host that hubctl did not make: which key it shows, and who says that it is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..cloud.base import Machine
from ..errors import Exit, HubError
from ..inventory.model import Node
from ..transport import hostkeys
from ..transport.connect import shown_key
from ..transport.hostkeys import Pin
from .job import Job

_COMPARE = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"


def identify(job: Job, name: str, node: Node, machine: Machine, confirm: Callable[[Pin], bool]) -> None:
    """Make sure that a machine's host key is pinned.

    A machine of a cloud was given its key, so the pin must be there. A host that was there before is asked for its key,
    which counts when the inventory names its fingerprint as `host_key`, or the operator confirms it.

    Raises:
        HubError: the pin is missing, or the key is not the host's own.
    """
    loaded = job.loaded
    known = hostkeys.read(loaded.path).get(name)
    if not node.address:
        if known is None:
            raise _missing(name, machine, hostkeys.path_for(loaded.path).name)
        return
    place = Pin(name, machine.addresses, "", "", node.user, node.port)
    if known is not None:
        hostkeys.pin(loaded.path, replace(place, key_type=known.key_type, key=known.key))
        return
    gateway = loaded.target(node.gateway) if node.gateway else None
    key_type, key = shown_key(machine.addresses[0], node.port, gateway)
    shown = replace(place, key_type=key_type, key=key)
    if node.host_key is not None and shown.fingerprint != node.host_key:
        raise HubError(
            "host-key-changed",
            f"{name} ({machine.addresses[0]}) shows another host key than the inventory names",
            why=f"named: {node.host_key}\nshown: {shown.fingerprint}",
            hint=f"nothing was sent. Is it the host you mean? {_COMPARE} there shows its key",
            exit_code=Exit.NOT_ALLOWED,
        )
    if node.host_key is None and not confirm(shown):
        raise HubError(
            "host-key-unknown",
            f"nobody has said that the host key of {name} is its own",
            why=f"{machine.addresses[0]} port {node.port} shows {shown.fingerprint}",
            hint=f"compare it: {_COMPARE} on the host; then write `host_key: {shown.fingerprint}`",
            exit_code=Exit.NOT_ALLOWED,
        )
    hostkeys.pin(loaded.path, shown)


def _missing(name: str, machine: Machine, file: str) -> HubError:
    return HubError(
        "pin-missing",
        f"machine {machine.name} exists, but its host key is not pinned here",
        why=f"{file} has no line for {name}",
        hint=f"take that file from whoever created the node, or make it anew: `hubctl destroy-node {name}`",
        exit_code=Exit.NOT_ALLOWED,
    )
