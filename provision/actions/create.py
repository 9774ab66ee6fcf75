"""create-node: from nothing to a machine that is entered by a pinned key and has its names in DNS."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from .. import keys
from ..cloud.base import Machine, MachineSpec
from ..errors import Exit, HubError
from ..inventory.hosts import node_hostnames, proven_on_node
from ..inventory.model import Node
from ..inventory.providers import PROVIDERS
from ..output import Output
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from ..waiting import wait_for
from .claims import claimed
from .dns import delegate, foreign, set_records
from .first_contact import Confirm, identify
from .fleet import LoadedFleet
from .ingredients import is_stale
from .job import Job
from .userdata import user_data

BANNER_SECONDS = 180
LOGIN_SECONDS = 180
READY_SECONDS = 600

# A new machine's sshd can be up before cloud-init has put the keys in place, and may be restarted by it.
_PASSING = ("unreachable", "connection-lost", "turned-away")
_PASSING_AT_FIRST = (*_PASSING, "login-refused", "host-key-changed")


@dataclass(frozen=True)
class Created:
    """What create-node found or made."""

    machine: Machine
    new: bool
    records: tuple[str, ...]


@dataclass(frozen=True)
class Asks:
    """What the operator is asked.

    Attributes:
        its_own: at the first contact with a host that hubctl did not make: whether it shows its own key.
        replace_names: before names that belong to somebody else are taken; it raises HubError for a no.
    """

    its_own: Confirm
    replace_names: Callable[[list[str]], None]


def create(job: Job, name: str, node: Node, asks: Asks) -> Created:
    """Make a node's machine, or find it again and carry on, until it is ready to be deployed to.

    Args:
        job: the fleet, who asks, and where progress is shown.
        name: the node's name.
        node: the node, with options of the command line in place.
        asks: what the operator is asked.

    Raises:
        HubError: the name is taken by another machine, what it shall be is not on offer, or a wait came to its limit.
    """
    with claimed(job, name):
        return _create(job, name, node, asks)


def _create(job: Job, name: str, node: Node, asks: Asks) -> Created:
    loaded, output = job.loaded, job.output
    found = machine_of(loaded, name)
    names = node_hostnames(loaded.fleet, name, node)
    spec = spec_of(loaded, name, node)

    def trusted() -> str:
        _agree_on_names(loaded, names, found, asks)
        return _operator_key(loaded, node, output)

    if found is None:
        if is_stale(loaded, name, node.image):
            output.line(
                f"image {node.image} was baked from other packages or locks: it works, only slower; "
                f"`hubctl image bake {name}` makes it anew"
            )
        machine = order(job, name, spec, trusted)
    else:
        output.line(f"found machine {found.name} (id {found.id})")
        for difference in differences(found, spec):
            output.line(
                f"it is left as it is, {difference}: for another, `hubctl destroy-node {name}` and create it again"
            )
        trusted()
        identify(job, name, node, found, asks.its_own)
        machine = found
    if not loaded.fleet.operator.ssh_key:
        hostkeys.note_operator(loaded.path, keys.ensure_operator_key(loaded.fleet, loaded.path)[0])
    ready = arrive(job, name, machine, new=found is None)
    records = _name(job, name, names, ready)
    return Created(ready, found is None, tuple(records))


def _agree_on_names(loaded: LoadedFleet, names: list[str], found: Machine | None, asks: Asks) -> None:
    """Ask before anything of a zone is replaced or added that is not this fleet's.

    Raises:
        HubError: the answer is no.
    """
    dns, domain = loaded.dns, loaded.fleet.domain
    if dns is None:
        return
    if dns.serves(domain):
        ours = {address for pin in hostkeys.read(loaded.path).values() for address in pin.addresses}
        addresses = ours | set(found.addresses if found else ())
        taken = foreign(dns, domain, names, addresses, proven_on_node(names))
    else:
        own = PROVIDERS[loaded.fleet.provider].own_zones
        taken = [] if own else [f"zone {domain} is added to the account"]
    if taken:
        asks.replace_names(taken)


def _name(job: Job, name: str, names: list[str], machine: Machine) -> list[str]:
    """Point names to a machine, or say which ones the operator has to point there; return those that changed."""
    dns = job.loaded.dns
    if dns is None:
        job.output.line(f"point to {' and '.join(machine.addresses)} at your DNS: {', '.join(names)}")
        for challenge, server in proven_on_node(names).items():
            job.output.line(f"delegate at your DNS: {challenge} NS {server}")
        return []
    with job.output.step("setting DNS records", node=name, done="DNS records"):
        records = set_records(dns, job.loaded.fleet.domain, names, machine)
        records += delegate(dns, job.loaded.fleet.domain, proven_on_node(names))
    for record in records:
        job.output.line(f"  {record}")
    return records


def _operator_key(loaded: LoadedFleet, node: Node, output: Output) -> str:
    public_key, made = keys.ensure_operator_key(loaded.fleet, loaded.path)
    if made:
        output.line(f"made the operator key {keys.operator_key_path(loaded.fleet, loaded.path)}")
    if made and node.address:
        output.line(
            f"let it in: add this to the authorized_keys of {node.user} at {node.address}: {public_key}"
        )
    return public_key


def machine_of(loaded: LoadedFleet, name: str) -> Machine | None:
    """Return the machine that a node has, None when there is none of its name.

    Raises:
        HubError: the name is taken by a machine that is not this fleet's, or by several.
    """
    found = loaded.machines.find(loaded.machine_name(name))
    ours = [machine for machine in found if set(loaded.tags) <= set(machine.tags)]
    if len(ours) > 1 or (found and not ours):
        raise _name_taken(name, found, loaded.tags)
    return ours[0] if ours else None


def differences(found: Machine, wanted: MachineSpec) -> list[str]:
    """Say in what a machine is not what the inventory has; one made from a snapshot does not tell which."""
    pairs = (
        ("size", found.size, wanted.size),
        ("image", found.image, wanted.image),
        ("region", found.region, wanted.region),
    )
    return [f"{what} {has} and not {wants}" for what, has, wants in pairs if has and has != wants]


def spec_of(loaded: LoadedFleet, name: str, node: Node) -> MachineSpec:
    """Return what a node's machine is to be, still without the operator's key and what cloud-init gives it."""
    return MachineSpec(
        name=loaded.machine_name(name),
        size=loaded.fleet.sizes.get(node.size, node.size),
        image=node.image,
        region=node.region or loaded.fleet.region,
        tags=loaded.tags,
        key_name=loaded.tags[-1],
        public_key="",
        user_data="",
        ipv6=node.ipv6,
    )


def order(job: Job, name: str, spec: MachineSpec, trusted: Callable[[], str]) -> Machine:
    """Ask for a machine whose host key is known beforehand.

    Args:
        job: the fleet, and where progress is shown.
        name: the node's name.
        spec: what the machine is to be.
        trusted: returns the public key that the machine lets in; called once it is known that there can be such a
            machine, and raises HubError where it shall not be.

    Raises:
        HubError: it is not on offer or was refused; nothing was made.
    """
    loaded = job.loaded
    resolved = loaded.machines.resolve(spec)
    public_key = trusted()
    with job.output.step(
        f"asking for machine {spec.name} ({spec.size}, {spec.image}, {spec.region})", node=name
    ):
        host_key = keys.make(name)
        # Pinned before the machine exists: a run that is killed here can be carried on.
        hostkeys.pin(loaded.path, Pin(name, (), "ssh-ed25519", host_key.public_base64))
        try:
            machine = loaded.machines.create(
                replace(resolved, public_key=public_key, user_data=user_data(host_key, public_key))
            )
        except HubError as error:
            # Without an answer the machine may be there all the same: its pin is kept for the next run.
            if error.exit_code != Exit.UNREACHABLE:
                hostkeys.unpin(loaded.path, name)
            raise
    _see_alone(job, name, machine)
    return machine


def _see_alone(job: Job, name: str, mine: Machine) -> None:
    """Look again at who has the name: two computers have no common lock. The younger of two machines goes.

    Raises:
        HubError: this one was the younger; it was removed.
    """
    loaded = job.loaded
    ours = [item for item in loaded.machines.find(mine.name) if set(loaded.tags) <= set(item.tags)]
    older = [item for item in ours if (item.created, item.id) < (mine.created, mine.id)]
    if not older:
        return
    with job.output.step(f"removing machine id {mine.id}: id {older[0].id} was there first", node=name):
        loaded.machines.destroy(mine)
    hostkeys.unpin(loaded.path, name)
    raise HubError(
        "made-twice",
        f"somebody else has made {name} in the same moment",
        why=f"machine id {older[0].id} is older; id {mine.id}, which this command made, was removed",
        hint=f"take {hostkeys.path_for(loaded.path).name} from whoever made it, or: `hubctl pin {name}`",
        exit_code=Exit.NOT_ALLOWED,
    )


def arrive(job: Job, name: str, machine: Machine, *, new: bool) -> Machine:
    """Wait until a machine is made, has addresses, lets the operator in and can be deployed to.

    Raises:
        HubError: it could not be made or entered, or a wait came to its limit.
    """
    loaded = job.loaded
    ready = loaded.machines.ready(machine, partial(job.output.step, node=name))
    job.output.line(f"  {' '.join(ready.addresses)}")
    if new:
        _see_alone(job, name, ready)
    hostkeys.pin(loaded.path, replace(hostkeys.read(loaded.path)[name], addresses=ready.addresses))
    try:
        _enter(job, name, new=new)
    except HubError as error:
        _add_console(error, loaded, ready)
        raise
    return ready


def _add_console(error: HubError, loaded: LoadedFleet, machine: Machine) -> None:
    """Show the end of the console of a machine that does not let anybody in."""
    if error.code not in ("waited-too-long", *_PASSING):
        return
    with contextlib.suppress(HubError):
        if console := loaded.machines.console(machine):
            error.why = "\n".join(filter(None, (error.why, "the end of its console:", console)))


def _enter(job: Job, name: str, *, new: bool) -> None:
    """Log in to a machine as soon as that is possible, and wait until it can be deployed to.

    Raises:
        HubError: it cannot be entered, or did not become ready.
    """
    target = job.loaded.target(name)
    latest: list[HubError] = []

    def ready() -> bool | None:
        error = job.ask("ready", name, seconds=READY_SECONDS).error
        if error is None:
            return True
        if error.code not in (_PASSING_AT_FIRST if new else _PASSING):
            raise error
        latest.append(error)
        return None

    if target.gateway is None:
        with job.output.step("waiting for its sshd", node=name, done="SSH banner"):
            wait_for("SSH", lambda: _banner(target.address, target.port), seconds=BANNER_SECONDS, pause=0.2)
    with job.output.step(
        "logging in, waiting for cloud-init and apt",
        node=name,
        done="authenticated, cloud-init done, apt lock free",
    ):
        try:
            wait_for("the login", ready, seconds=LOGIN_SECONDS)
        except HubError as error:
            raise (latest[-1] if latest else error) from None


def _banner(address: str, port: int) -> bool | None:
    import socket

    try:
        with socket.create_connection((address, port), timeout=3) as sock:
            return sock.recv(4) == b"SSH-" or None
    except OSError:
        return None


def _name_taken(node: str, found: list[Machine], tags: tuple[str, ...]) -> HubError:
    wanted = found[0].name
    ids = ", ".join(f"id {machine.id}, tags {list(machine.tags)}" for machine in found)
    several = f"there are {len(found)} machines named {wanted}"
    return HubError(
        "name-taken",
        several if len(found) > 1 else f"a machine named {wanted} is not hubctl's",
        why=f"{ids}; a machine of this fleet has the tags {' and '.join(tags)}",
        hint=f"rename or remove it at the cloud, or call the node something other than {node}; nothing was changed",
        exit_code=Exit.NOT_ALLOWED,
    )
