"""create-node: from nothing to a machine that is entered by a pinned key and has its names in DNS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from .. import keys
from ..cloud.base import Machine, MachineSpec
from ..errors import Exit, HubError
from ..inventory.hosts import node_hostnames
from ..inventory.model import Node
from ..output import Output
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from ..transport.ssh import Session, connect
from . import dns
from .fleet import LoadedFleet
from .userdata import user_data
from .waiting import wait_for

TAG = "hubctl"

ACTION_SECONDS = 600
ADDRESS_SECONDS = 120
BANNER_SECONDS = 180
LOGIN_SECONDS = 120
CLOUD_INIT_SECONDS = 600
APT_SECONDS = 600

# Fixed program: waits until no other process holds dpkg's locks, $1 seconds at most.
_APT_FREE = """
import fcntl, sys, time
deadline = time.monotonic() + float(sys.argv[1])
for path in ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"):
    while True:
        try:
            with open(path, "a") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("still held: " + path)
            time.sleep(0.5)
"""


@dataclass(frozen=True)
class Created:
    """What create-node found or made."""

    machine: Machine
    new: bool
    records: tuple[str, ...]


def create(loaded: LoadedFleet, name: str, node: Node, output: Output) -> Created:
    """Make a node's machine, or find it again and carry on, until it is ready to be deployed to.

    Raises:
        HubError: the name is taken by another machine, or a wait came to its limit.
    """
    public_key, made = keys.ensure_operator_key(loaded.fleet)
    if made:
        output.line(f"made the operator key {keys.operator_key_path(loaded.fleet)}")
    machine, action = _find_or_make(loaded, name, node, public_key, output)
    ready = _wait_for_machine(loaded, machine, action, output)
    known = hostkeys.read(loaded.path)[name]
    hostkeys.pin(loaded.path, Pin(name, ready.addresses, known.key_type, known.key))
    _wait_for_login(loaded, name, output, new=action is not None)
    with output.step("DNS records"):
        records = dns.set_records(loaded, node_hostnames(loaded.fleet, name, node), ready)
    for record in records:
        output.line(f"  {record}")
    return Created(ready, action is not None, tuple(records))


def _find_or_make(
    loaded: LoadedFleet, name: str, node: Node, public_key: str, output: Output
) -> tuple[Machine, int | None]:
    """Return the machine, and the id of its create action when it was asked for just now."""
    wanted = loaded.machine_name(name)
    found = loaded.cloud.machines_named(wanted)
    ours = [machine for machine in found if {TAG, loaded.tag} <= set(machine.tags)]
    if len(ours) > 1 or (found and not ours):
        raise _name_taken(name, wanted, found, loaded.tag)
    if ours:
        output.line(f"found machine {wanted} (id {ours[0].id})")
        _require_pin(loaded, name, ours[0])
        return ours[0], None
    host_key = keys.make(name)
    # Pinned before the machine exists: a run that is killed here can be carried on.
    hostkeys.pin(loaded.path, Pin(name, (), "ssh-ed25519", host_key.public_base64))
    key_id = loaded.cloud.ssh_key(f"hubctl-{loaded.fleet.fleet}", public_key)
    spec = MachineSpec(
        name=wanted,
        size=loaded.fleet.sizes.get(node.size, node.size),
        image=node.image,
        region=node.region or loaded.fleet.region,
        tags=(TAG, loaded.tag),
        ssh_keys=(key_id,),
        user_data=user_data(host_key, public_key),
        ipv6=node.ipv6,
    )
    with output.step(f"asking for machine {wanted} ({spec.size}, {spec.image}, {spec.region})"):
        machine_id, action = _ask_for(loaded, name, spec)
    machine = wait_for(
        f"machine {machine_id} to be listed",
        lambda: loaded.cloud.machine(machine_id),
        seconds=ADDRESS_SECONDS,
    )
    return machine, action


def _ask_for(loaded: LoadedFleet, name: str, spec: MachineSpec) -> tuple[int, int]:
    try:
        return loaded.cloud.create(spec)
    except HubError as error:
        # Without an answer the machine may be there all the same: its pin is kept for the next run.
        if error.exit_code != Exit.UNREACHABLE:
            hostkeys.unpin(loaded.path, name)
        raise


def _name_taken(node: str, wanted: str, found: list[Machine], tag: str) -> HubError:
    ids = ", ".join(f"id {machine.id}, tags {list(machine.tags)}" for machine in found)
    ours = len(found) > 1
    return HubError(
        "name-taken",
        f"there are {len(found)} machines named {wanted}"
        if ours
        else f"a machine named {wanted} is not hubctl's",
        why=f"{ids}; a machine of this fleet has the tags {TAG} and {tag}",
        hint=f"rename or remove it at the cloud, or call the node something other than {node}; nothing was changed",
        exit_code=Exit.NOT_ALLOWED,
    )


def _require_pin(loaded: LoadedFleet, name: str, machine: Machine) -> None:
    if name not in hostkeys.read(loaded.path):
        raise HubError(
            "pin-missing",
            f"machine {machine.name} exists, but its host key is not pinned here",
            why=f"{hostkeys.path_for(loaded.path)} has no line for {name}",
            hint=f"take that file from whoever created the node, or make it anew: `hubctl destroy-node {name}`",
            exit_code=Exit.NOT_ALLOWED,
        )


def _wait_for_machine(loaded: LoadedFleet, machine: Machine, action: int | None, output: Output) -> Machine:
    if action is not None:
        with output.step("action complete"):
            wait_for("the machine to be made", lambda: _completed(loaded, action), seconds=ACTION_SECONDS)

    def addressed() -> Machine | None:
        now = loaded.cloud.machine(machine.id)
        return now if now and now.status == "active" and now.ipv4 else None

    with output.step("address"):
        ready = wait_for(
            "an address",
            addressed,
            seconds=ADDRESS_SECONDS,
            hint=f"is machine {machine.id} switched off? Switch it on at the cloud and run the same command again",
        )
    output.line(f"  {' '.join(ready.addresses)}")
    return ready


def _completed(loaded: LoadedFleet, action: int) -> bool | None:
    status = loaded.cloud.action(action)
    if status == "errored":
        raise HubError(
            "create-failed",
            "the cloud could not make the machine",
            why=f"action {action} ended with an error",
            hint="look at the cloud's own console, then run the same command again",
        )
    return True if status == "completed" else None


def _wait_for_login(loaded: LoadedFleet, name: str, output: Output, *, new: bool) -> None:
    target = loaded.target(name)
    # A new machine's sshd can be up before cloud-init has put the keys in place: waited for, within the limit.
    passing = ("unreachable", "connection-lost") + (("login-refused", "host-key-changed") if new else ())
    latest: list[HubError] = []

    def entered(do: Callable[[Session], object]) -> bool | None:
        """Do something on the machine; cloud-init may still restart its sshd in the middle."""
        try:
            with connect(target) as session:
                do(session)
                return True
        except HubError as error:
            if error.code not in passing:
                raise
            latest.append(error)
            return None

    with output.step("SSH banner"):
        wait_for("SSH", lambda: _banner(target.address, target.port), seconds=BANNER_SECONDS, pause=0.2)
    with output.step("authenticated"):
        try:
            wait_for(
                "the login", lambda: entered(lambda session: session.run(["true"])), seconds=LOGIN_SECONDS
            )
        except HubError as error:
            raise (latest[-1] if latest else error) from None
    with output.step("cloud-init done"):
        wait_for("cloud-init", lambda: entered(_cloud_init_done), seconds=CLOUD_INIT_SECONDS)
    with output.step("apt lock free"):
        wait_for("apt's lock", lambda: entered(_apt_free), seconds=APT_SECONDS)


def _banner(address: str, port: int) -> bool | None:
    import socket

    try:
        with socket.create_connection((address, port), timeout=3) as sock:
            return sock.recv(4) == b"SSH-" or None
    except OSError:
        return None


def _cloud_init_done(session: Session) -> None:
    result = session.run(["cloud-init", "status", "--wait", "--format", "json"], seconds=CLOUD_INIT_SECONDS)
    if result.status == 127:
        return  # an image without cloud-init has nothing to wait for
    if result.status == 1:
        raise HubError(
            "cloud-init-failed",
            f"cloud-init failed on {session.target.pin.node}",
            why=_cloud_init_errors(result.stdout),
            hint=f"look into /var/log/cloud-init.log there, or start again: "
            f"`hubctl destroy-node {session.target.pin.node}`",
        )


def _cloud_init_errors(stdout: str) -> str:
    try:
        status = json.loads(stdout[stdout.index("{") :])
    except ValueError:
        return stdout.strip()[-1000:]
    return "\n".join(map(str, status.get("errors", []))) or str(status.get("detail", ""))


def _apt_free(session: Session) -> None:
    result = session.run(["python3", "-c", _APT_FREE, str(APT_SECONDS)], seconds=APT_SECONDS + 30)
    if result.status != 0:
        raise HubError(
            "apt-busy",
            f"apt is still busy on {session.target.pin.node}",
            why=result.stderr.strip()[-500:],
            hint="run the same command again once it is done",
        )
