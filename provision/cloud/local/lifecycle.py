"""Starting, showing, stopping and removing instances of the local cloud."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import HubError
from . import acme, allocation, host, images, instance, network
from .files import locked
from .instance import Instance
from .machine import Containers
from .model import Droplet
from .process import Process, start_detached
from .store import STATE, Store

_START_SECONDS = 30.0
_MACHINES_SECONDS = 90.0
Report = Callable[[str], None]


@dataclass(frozen=True)
class MachineStatus:
    """A machine as its API shows it: name, `new`, `active` or `off`, and address (empty while it has none)."""

    name: str
    status: str
    address: str


@dataclass(frozen=True)
class Status:
    """How an instance does.

    Attributes:
        running: the API answers.
        endpoint: base URL of the API.
        dns_address: address of the DNS server.
        subnet: network of the machines.
        acme_directory: URL of the ACME directory.
        acme_running: the ACME server answers.
        machines: the machines, also while the API does not answer.
    """

    running: bool
    endpoint: str
    dns_address: str
    subnet: str
    acme_directory: str
    acme_running: bool
    machines: tuple[MachineStatus, ...]


def instances() -> list[str]:
    """Return the names of all instances."""
    return instance.names()


def find(name: str) -> Instance:
    """Return an instance; raises HubError (`unknown-instance`)."""
    return instance.load(name)


def up(name: str, *, report: Report) -> Instance:
    """Start an instance, made first if there is none; what already runs is left running.

    Machines that were active when it was stopped are started again.

    Raises:
        HubError: what is missing on this computer, or what did not start.
    """
    instance.check_name(name)
    host.require()
    with locked(instance.lock_file(name)):
        found = _found_or_made(name, report)
        if images.offered():
            images.ensure(images.offered()[0], report)
        network.ensure(found)
        daemon = _daemon(found)
        if daemon is None or not _api_answers(found):
            if daemon is not None:
                daemon.stop()
            found = allocation.with_free_ports(found, acme_runs=_acme_runs(found))
            _start_daemon(found)
            report(f"API at {found.endpoint}, DNS at {found.dns_address}")
        acme.ensure(found)
        report(f"ACME at {found.acme_directory}")
        _await_machines(found, report)
        return found


def status(name: str) -> Status:
    """Return how an instance does; raises HubError (`unknown-instance`)."""
    found = find(name)
    return Status(
        running=_api_answers(found),
        endpoint=found.endpoint,
        dns_address=found.dns_address,
        subnet=str(found.subnet),
        acme_directory=found.acme_directory,
        acme_running=acme.answers(found),
        machines=tuple(_machines(found)),
    )


def _machines(found: Instance) -> Iterator[MachineStatus]:
    """Read the machines from the state on disk, so that they are seen while the API is down too."""
    if not (found.folder / STATE).exists():
        return
    store, machines = Store(found.folder / STATE), Containers(found)
    for droplet in store.find(Droplet, lambda droplet: not droplet.deleted):
        state = droplet.status(running=machines.running(droplet.id))
        yield MachineStatus(droplet.name, state, droplet.address if droplet.ready else "")
    store.close()


def down(name: str, *, destroy: bool, report: Report) -> None:
    """Stop an instance: API, DNS, ACME server, and its machines by an orderly power-off.

    Args:
        name: the instance.
        destroy: remove machines with their disks, network and state as well.
        report: called with a line for each thing done.
    """
    host.require()
    lock = instance.lock_file(name)
    with locked(lock):
        try:
            found = find(name)
            _stop(found, destroy=destroy, report=report)
            if destroy:
                network.remove(found)
                report(f"removed the network {found.subnet} ({found.bridge})")
                shutil.rmtree(found.folder)
                report(f"removed {found.folder}")
        finally:
            lock.unlink(missing_ok=True)


def sweep(prefix: str, *, report: Report) -> None:
    """Remove what killed test runs left: instances named PREFIX-PID-... whose process PID is gone."""
    for name in instances():
        match = re.fullmatch(rf"{re.escape(prefix)}-(\d+)-.+", name)
        if match and not Path(f"/proc/{match[1]}").exists():
            report(f"removing {name}, left by process {match[1]}")
            down(name, destroy=True, report=report)


def _found_or_made(name: str, report: Report) -> Instance:
    try:
        return find(name)
    except HubError as error:
        if error.code != "unknown-instance":
            raise
    made = allocation.create(name, network.ensure)
    report(f"made the local cloud {name} in {made.folder}, network {made.subnet}")
    return made


def _stop(found: Instance, *, destroy: bool, report: Report) -> None:
    daemon = _daemon(found)
    if daemon is not None:
        daemon.stop(_MACHINES_SECONDS)
        (found.folder / "daemon.json").unlink(missing_ok=True)
        report("stopped the API and DNS")
    machines = Containers(found)
    for number in machines.numbers():
        if destroy:
            machines.destroy(number)
            report(f"removed machine {number}")
        else:
            ran = machines.running(number)
            machines.stop(number)  # also what a removal cut short has left of it
            if ran:
                report(f"stopped machine {number}")
    acme.stop(found)
    report("stopped the ACME server")


def _daemon(found: Instance) -> Process | None:
    """Return the instance's daemon if it runs, starting or serving."""
    daemon = Process.load(found.folder / "daemon.json")
    return daemon if daemon is not None and daemon.alive() else None


def _acme_runs(found: Instance) -> bool:
    process = Process.load(found.acme_ca.parent / "process.json")
    return process is not None and process.alive()


def _start_daemon(found: Instance) -> None:
    log = found.folder / "daemon.log"
    started = start_detached([sys.executable, "-m", f"{__package__}", "serve", found.name], log)
    with contextlib.suppress(ProcessLookupError):
        Process.of(started.pid).save(found.folder / "daemon.json")
    deadline = time.monotonic() + _START_SECONDS
    while not (_api_answers(found) and _dns_answers(found)):
        if started.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()[-10:]
            raise HubError(
                "local-not-up", f"the local cloud {found.name} did not start", why="\n".join(lines)
            )
        time.sleep(0.05)


def _await_machines(found: Instance, report: Report) -> None:
    """Wait for the machines that the daemon starts again."""
    machines = Containers(found)
    deadline = time.monotonic() + _MACHINES_SECONDS
    waiting = _absent(machines)
    while waiting and time.monotonic() < deadline:
        time.sleep(0.1)
        still = _absent(machines)
        for number in waiting - still:
            report(f"started machine {number} again")
        waiting = still
    if waiting:
        report(f"machines that did not start again: {sorted(waiting)} (see {found.folder / 'daemon.log'})")


def _absent(machines: Containers) -> set[int]:
    """Return the machines that are to run and do not; one that is being removed is none of them for long."""
    return {
        number for number in machines.numbers() if machines.wanted(number) and not machines.running(number)
    }


def _api_answers(found: Instance) -> bool:
    """Tell whether the instance's own API serves its port; one whose rate limit is used up does too."""
    # No proxy of the environment may stand between this computer and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.addheaders = [("Authorization", f"Bearer {found.token}")]
    try:
        with opener.open(f"{found.endpoint}account", timeout=5) as response:
            return b'"account"' in response.read()
    except urllib.error.HTTPError as error:
        return error.code == 429
    except OSError:
        return False


def _dns_answers(found: Instance) -> bool:
    try:
        socket.create_connection((found.dns_address, 53), timeout=1).close()
    except OSError:
        return False
    return True
