"""pin: bring back the pin of a node that was made, when the file that held it is lost."""

from __future__ import annotations

from dataclasses import replace

from ..errors import Exit, HubError
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from .create import machine_of
from .first_contact import Confirm, vouched
from .job import Job


def repin(job: Job, name: str, fingerprint: str, confirm: Confirm) -> tuple[Pin, bool]:
    """Pin the host key that a node shows, once somebody says that it is its own; return the pin, and whether it is new.

    Args:
        job: the fleet, who asks, and where progress is shown.
        name: the node's name.
        fingerprint: of the node's own key, where the operator names it.
        confirm: asked otherwise.

    Raises:
        HubError: there is no machine, nobody vouches for the key, or another one is pinned.
    """
    loaded, node = job.loaded, job.loaded.fleet.nodes[name]
    machine = machine_of(loaded, name)
    if machine is None:
        raise HubError(
            "not-created",
            f"node {name} has no machine",
            hint=f"`hubctl create-node {name}`",
            exit_code=Exit.UNREACHABLE,
        )
    machine = loaded.machines.ready(machine, job.output.step)
    known = hostkeys.read(loaded.path).get(name)
    shown = vouched(job, name, node, machine, known.fingerprint if known else fingerprint, confirm)
    if known is not None and fingerprint not in ("", known.fingerprint):
        raise HubError(
            "host-key-changed",
            f"{name} is pinned with another host key than the one that you name",
            why=f"pinned, and shown: {known.fingerprint}\nnamed: {fingerprint}",
            hint="nothing was changed",
            exit_code=Exit.NOT_ALLOWED,
        )
    pin = replace(shown, addresses=machine.addresses)
    hostkeys.pin(loaded.path, pin)
    return pin, known is None
