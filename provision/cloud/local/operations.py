"""What takes time: creating, powering and removing machines, in the background and resumed after a crash."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Protocol

import msgspec

from ...errors import HubError
from .machine import Layers, Order
from .model import Action, Droplet, Snapshot, now
from .store import Store

log = logging.getLogger(__name__)
_FIRST_HOST = 10  # addresses below stay free for services on the bridge
_AT_ONCE = 8


class Hypervisor(Protocol):
    """What the API needs of whatever runs the machines; `machine.Containers` does it with systemd-nspawn."""

    def create(self, order: Order, report: Callable[[str], None]) -> None:
        """Make and boot a machine; return when it is on the network. Tell what takes long meanwhile."""

    def start(self, number: int) -> None:
        """Boot a machine that is off."""

    def stop(self, number: int, *, gracefully: bool = True) -> None:
        """End a machine that is to start again."""

    def power_off(self, number: int, *, gracefully: bool) -> None:
        """End a machine that is to stay off."""

    def destroy(self, number: int) -> None:
        """Remove a machine, if there is one."""

    def snapshot(self, number: int, snapshot: int) -> Layers:
        """Keep a machine's disk as it is now."""

    def forget(self, snapshot: int) -> None:
        """Remove a snapshot that nothing is made of, if there is one."""

    def console(self, number: int) -> str:
        """Return the end of what a machine has written to its console."""

    def running(self, number: int) -> bool:
        """Tell whether a machine runs."""

    def wanted(self, number: int) -> bool:
        """Tell whether a machine is to run whenever the instance does."""


class PendingEventError(Exception):
    """The droplet has an action in progress and takes no other."""


class NoAddressError(Exception):
    """Every address of the instance's network is in use."""


class Operations:
    """Runs one action at a time for each droplet, several droplets at once."""

    def __init__(self, store: Store, machines: Hypervisor) -> None:
        self._store = store
        self._machines = machines
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="operation")
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._work: dict[str, Callable[[Droplet], None]] = {
            "create": self._create,
            "rebuild": self._create,
            "power_on": lambda droplet: machines.start(droplet.id),
            "power_off": lambda droplet: machines.power_off(droplet.id, gracefully=False),
            "shutdown": lambda droplet: machines.power_off(droplet.id, gracefully=True),
            "reboot": lambda droplet: self._restart(droplet, gracefully=True),
            "power_cycle": lambda droplet: self._restart(droplet, gracefully=False),
            "snapshot": self._snapshot,
            "rename": lambda _: None,  # the name is data of the API alone
        }

    @property
    def types(self) -> set[str]:
        """Types of action that a client may ask for."""
        return set(self._work) - {"create"}

    def begin(self, droplet: Droplet, kind: str) -> Action:
        """Store an action and start its work; raises PendingEventError while another is in progress."""
        with self._store.transaction():
            if self._store.find(Action, lambda a: a.resource_id == droplet.id and a.status == "in-progress"):
                raise PendingEventError
            action = Action(type=kind, resource_id=droplet.id, region=droplet.region, started_at=now())
            action = self._store.add(action)
        self._submit(droplet.id, partial(self._perform, action))
        return action

    def destroy(self, droplet: Droplet) -> None:
        """Hide the droplet at once and remove its machine in the background."""
        self._store.save(msgspec.structs.replace(droplet, deleted=True))
        self._submit(droplet.id, partial(self._destroy, droplet.id))

    def resume(self) -> None:
        """Carry on where a killed daemon stopped, and start the machines that are to run."""
        in_progress = self._store.find(Action, lambda a: a.status == "in-progress")
        pending = {action.resource_id: action for action in in_progress}
        for droplet in self._store.find(Droplet):
            if droplet.deleted:
                self._submit(droplet.id, partial(self._destroy, droplet.id))
            elif droplet.id in pending:
                self._submit(droplet.id, partial(self._perform, pending[droplet.id]))
            elif self._machines.wanted(droplet.id) and not self._machines.running(droplet.id):
                self._submit(droplet.id, partial(self._machines.start, droplet.id))
        self._forget_unused()

    def close(self) -> None:
        """Take no more work; what runs is finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, number: int, work: Callable[[], None]) -> Future[None]:
        def guarded() -> None:
            with self._locks[number]:
                try:
                    work()
                except HubError as error:
                    log.error("droplet %d: %s\n%s", number, error.message, error.why)
                except Exception:
                    log.exception("droplet %d", number)

        return self._pool.submit(guarded)

    def _perform(self, action: Action) -> None:
        outcome = msgspec.structs.replace(action, status="errored")
        try:
            droplet = self._store.get(Droplet, action.resource_id)
            if droplet is not None and not droplet.deleted:
                self._work[action.type](droplet)
                outcome = msgspec.structs.replace(action, status="completed")
        except HubError as error:
            outcome = msgspec.structs.replace(
                outcome, message="\n".join(filter(None, (error.message, error.why, error.hint)))
            )
            raise
        finally:
            self._store.save(msgspec.structs.replace(outcome, completed_at=now()))

    def _create(self, droplet: Droplet) -> None:
        snapshot = self._store.get(Snapshot, int(droplet.image)) if droplet.image.isdecimal() else None
        self._machines.create(
            Order(
                number=droplet.id,
                hostname=droplet.name,
                image=snapshot.image if snapshot else droplet.image,
                lowers=snapshot.lowers if snapshot else (),
                address=droplet.address,
                address6=droplet.address6,
                user_data=droplet.user_data,
                public_keys=droplet.keys,
            ),
            partial(self._note, droplet),
        )
        with self._store.transaction():
            current = self._store.get(Droplet, droplet.id)
            if current is not None:
                self._store.save(msgspec.structs.replace(current, ready=True))
        self._forget_unused()  # the one that a rebuilt droplet was made of before

    def _note(self, droplet: Droplet, what: str) -> None:
        """Say in a droplet's action what it is at."""
        log.info("droplet %d: %s", droplet.id, what)
        with self._store.transaction():
            for action in self._store.find(
                Action, lambda a: a.resource_id == droplet.id and a.status == "in-progress"
            ):
                self._store.save(msgspec.structs.replace(action, message=what))

    def _snapshot(self, droplet: Droplet) -> None:
        """Take the snapshots that were asked for: one, as a droplet has one action at a time."""
        wanted = self._store.find(Snapshot, lambda s: s.droplet_id == droplet.id and not s.lowers)
        for snapshot in wanted:
            try:
                kept = self._machines.snapshot(droplet.id, snapshot.id)
            except BaseException:
                self._store.remove(snapshot)
                self._machines.forget(snapshot.id)
                raise
            with self._store.transaction():
                current = self._store.get(Snapshot, snapshot.id)
                if current is not None:
                    taken = msgspec.structs.replace(current, lowers=list(kept.lowers), bytes=kept.bytes)
                    self._store.save(taken)

    def remove_snapshot(self, snapshot: Snapshot) -> None:
        """Hide a snapshot at once; its layer goes when no droplet and no other snapshot is made of it."""
        self._store.save(msgspec.structs.replace(snapshot, deleted=True))
        self._forget_unused()

    def _forget_unused(self) -> None:
        """Remove the layers first: what a kill interrupts is found again by its row."""
        for snapshot in self._unused():
            self._machines.forget(snapshot.id)
            self._store.remove(snapshot)

    def _unused(self) -> list[Snapshot]:
        with self._store.transaction():
            droplets, snapshots = self._store.find(Droplet), self._store.find(Snapshot)
        used = {int(droplet.image) for droplet in droplets if droplet.image.isdecimal()}
        unused: list[Snapshot] = []
        for snapshot in reversed(snapshots):  # one that is made of others is newer than they are
            below = {path for other in snapshots if other not in unused for path in other.lowers[1:]}
            if snapshot.deleted and snapshot.id not in used and below.isdisjoint(snapshot.lowers[:1]):
                unused.append(snapshot)
        return unused

    def _restart(self, droplet: Droplet, *, gracefully: bool) -> None:
        self._machines.stop(droplet.id, gracefully=gracefully)
        self._machines.start(droplet.id)

    def _destroy(self, number: int) -> None:
        self._machines.destroy(number)
        droplet = self._store.get(Droplet, number)
        if droplet is not None:
            self._store.remove(droplet)
        self._forget_unused()


def free_address(subnet: ipaddress.IPv4Network, taken: set[str]) -> str:
    """Return the lowest address of the network that no droplet has; raises NoAddressError."""
    hosts = (str(subnet[index]) for index in range(_FIRST_HOST, subnet.num_addresses - 1))
    address = next((host for host in hosts if host not in taken), None)
    if address is None:
        raise NoAddressError
    return address
