"""The first contact with a host that hubctl did not make: which key it shows, and who says that it is its own."""

from __future__ import annotations

from collections.abc import Callable

from ..cloud.base import Machine
from ..errors import Exit, HubError
from ..inventory.model import Node
from ..transport import hostkeys
from ..transport.connect import shown_key
from ..transport.hostkeys import Pin
from .job import Job

_COMPARE = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"


Confirm = Callable[[Pin], bool]
"""Asks the operator whether a host shows its own key."""


def identify(job: Job, name: str, node: Node, machine: Machine, confirm: Confirm) -> None:
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
    if known is not None:
        place = Pin(name, machine.addresses, known.key_type, known.key, node.user, node.port)
        hostkeys.pin(loaded.path, place)
        return
    hostkeys.pin(loaded.path, vouched(job, name, node, machine, node.host_key or "", confirm))


def vouched(job: Job, name: str, node: Node, machine: Machine, fingerprint: str, confirm: Confirm) -> Pin:
    """Return the pin of the key that a machine shows, for which somebody vouches.

    Args:
        job: the fleet.
        name: the node's name.
        node: the node.
        machine: its machine.
        fingerprint: of its own key, where that is known; empty otherwise.
        confirm: asked otherwise.

    Raises:
        HubError: it does not answer, shows another key, or nobody vouches for it.
    """
    gateway = job.loaded.target(node.gateway) if node.gateway else None
    key_type, key = shown_key(name, machine.addresses[0], node.port, gateway)
    shown = Pin(name, machine.addresses, key_type, key, node.user, node.port)
    if fingerprint and shown.fingerprint != fingerprint:
        raise HubError(
            "host-key-changed",
            f"{name} ({machine.addresses[0]}) shows another host key than it should",
            why=f"named: {fingerprint}\nshown: {shown.fingerprint}",
            hint=f"nothing was sent. Is it the host you mean? {_COMPARE} there shows its key",
            exit_code=Exit.NOT_ALLOWED,
        )
    if not fingerprint and not confirm(shown):
        raise HubError(
            "host-key-unknown",
            f"nobody has said that the host key of {name} is its own",
            why=f"{machine.addresses[0]} port {node.port} shows {shown.fingerprint}",
            hint=_vouch(name, node, shown.fingerprint),
            exit_code=Exit.NOT_ALLOWED,
        )
    return shown


def _vouch(name: str, node: Node, fingerprint: str) -> str:
    if node.address:
        return f"compare it: {_COMPARE} on the host; then write `host_key: {fingerprint}`"
    return (
        f"compare it with the machine's console at the cloud, or {_COMPARE} there; "
        f"is it the same, then: `hubctl pin {name} --fingerprint {fingerprint}`"
    )


def _missing(name: str, machine: Machine, file: str) -> HubError:
    return HubError(
        "pin-missing",
        f"machine {machine.name} exists, but its host key is not pinned here",
        why=f"{file} has no line for {name}",
        hint=f"take that file from whoever created the node, or bring the line back by `hubctl pin {name}`; "
        f"nothing worth keeping on it? `hubctl destroy-node {name}`",
        exit_code=Exit.NOT_ALLOWED,
    )
