"""Machines: droplets as systemd-nspawn containers, each with a folder, a disk layer and a supervisor process."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...errors import HubError
from ...node.files import write_file
from . import apt, cgroup, cloudinit, console, guest, images, layers
from .command import run
from .disk import Disk
from .instance import Instance
from .kernel import Limits
from .process import Process, start_detached

_BOOT_SECONDS = 60.0
_SHUTDOWN_SECONDS = 30.0
_PROPAGATION = Path("/run/systemd/nspawn/propagate")
_DISCARD_PORT = 9
_ARP_COMPLETE = 0x2


@dataclass(frozen=True)
class Order:
    """What a new machine is to be.

    Attributes:
        number: the droplet's id.
        hostname: its name, inside and outside.
        image: slug of the base image.
        lowers: layers of the snapshot that it is made of, the base image last; none for the base image as it is.
        address: IPv4 address.
        address6: IPv6 address, empty for none.
        user_data: for cloud-init.
        public_keys: root's authorized keys.
    """

    number: int
    hostname: str
    image: str
    address: str
    address6: str
    user_data: str
    public_keys: Sequence[str]
    lowers: Sequence[str] = ()


@dataclass(frozen=True)
class Layers:
    """What a snapshot consists of: folders, the topmost first and the base image last, and the bytes of the first."""

    lowers: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Containers:
    """All machines of one instance."""

    instance: Instance

    def create(self, order: Order, report: Callable[[str], None]) -> None:
        """Make the machine's disk and boot it; a half-made one of the same number is replaced.

        Raises:
            HubError: `unknown-image`, `image-failed`, `machine-not-up`.
        """
        image = next((image for image in images.offered() if image.slug == order.image), None)
        if image is None:
            raise HubError("unknown-image", f"this computer cannot make the image {order.image}")
        lowers = [Path(path) for path in order.lowers] or [images.ensure(image, report)]
        self.destroy(order.number)
        folder = self._folder(order.number)
        for name in ("layer", "work", "root"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "layer").chmod(0o755)  # becomes the machine's /
        disk = Disk(lowers[-1], folder / "layer", tuple(lowers[:-1]))
        mounts = self._furnish(disk, order, images.sources(image))
        record = {
            "machine": self._machine_name(order.number),
            "address": order.address,
            "lowers": [str(path) for path in lowers],
            "argv": self._nspawn_argv(order, folder / "root", mounts),
        }
        write_file(folder / "machine.json", json.dumps(record))
        self.start(order.number)

    def start(self, number: int) -> None:
        """Boot the machine and wait until it is on the network; one that runs is left alone."""
        folder = self._folder(number)
        record = json.loads((folder / "machine.json").read_text())
        (folder / "off").unlink(missing_ok=True)
        if not self.running(number):
            Limits().hold(folder / "supervisor.json")
            cgroup.remove(self._groups(number))
            run(["ip", "neigh", "flush", "to", record["address"], "dev", self.instance.bridge])
            supervisor = [sys.executable, "-m", f"{__package__}.supervise", str(folder)]
            start_detached(
                [
                    *cgroup.scope_argv(record["machine"]),
                    "unshare",
                    "--mount",
                    "--propagation=slave",
                    *supervisor,
                ],
                folder / "console.log",
                identity=folder / "supervisor.json",
            )
        if not _await_network(record["address"], _BOOT_SECONDS, partial(self.running, number)):
            ended = "ended while it was starting" if not self.running(number) else ""
            raise HubError(
                "machine-not-up",
                f"the machine {record['machine']} {ended or f'did not come up within {_BOOT_SECONDS:.0f} s'}",
                why=f"the end of its console:\n{self.console(number)}",
            )

    def stop(self, number: int, *, gracefully: bool = True) -> None:
        """End the machine: an orderly power-off first, if asked for, then whatever is left is killed."""
        folder = self._folder(number)
        supervisor = Process.load(folder / "supervisor.json")
        if supervisor:
            # Ended before the groups are read: it writes them down before it starts anything.
            supervisor.stop(_SHUTDOWN_SECONDS if gracefully else 0)
        groups = self._groups(number)
        if not cgroup.kill(groups):
            raise HubError(
                "machine-not-stopped", f"processes of {self._machine_name(number)} cannot be killed"
            )
        cgroup.remove(groups)
        (folder / "supervisor.json").unlink(missing_ok=True)
        Limits().release(folder / "supervisor.json")

    def power_off(self, number: int, *, gracefully: bool) -> None:
        """Stop the machine and leave it off, also when the instance starts again."""
        (self._folder(number) / "off").touch()
        self.stop(number, gracefully=gracefully)

    def snapshot(self, number: int, snapshot: int) -> Layers:
        """Keep the machine's disk as it is now; the machine stands still while it is copied.

        Args:
            number: the droplet's id.
            snapshot: the snapshot's id.
        """
        folder, target = self._folder(number), self.instance.snapshots / str(snapshot)
        record = json.loads((folder / "machine.json").read_text())
        if not target.exists():
            layers.copy(folder / "layer", target, self._groups(number))
        return Layers((str(target), *(record.get("lowers") or [record["base"]])), layers.size(target))

    def forget(self, snapshot: int) -> None:
        """Remove the layer of a snapshot that nothing is made of; nothing happens when there is none."""
        shutil.rmtree(self.instance.snapshots / str(snapshot), ignore_errors=True)

    def destroy(self, number: int) -> None:
        """Remove the machine with its disk; nothing happens when there is none."""
        self.stop(number, gracefully=False)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder(number))
        with contextlib.suppress(OSError):
            (_PROPAGATION / self._machine_name(number)).rmdir()  # systemd-nspawn leaves it

    def console(self, number: int) -> str:
        """Return the end of what the machine has written to its console."""
        return console.end(self._folder(number) / "console.log")

    def running(self, number: int) -> bool:
        """Tell whether the machine's supervisor, and so the machine, runs."""
        supervisor = Process.load(self._folder(number) / "supervisor.json")
        return supervisor is not None and supervisor.alive()

    def wanted(self, number: int) -> bool:
        """Tell whether the machine is to run whenever the instance does."""
        return self.exists(number) and not (self._folder(number) / "off").exists()

    def exists(self, number: int) -> bool:
        """Tell whether the machine has been made."""
        return (self._folder(number) / "machine.json").exists()

    def numbers(self) -> list[int]:
        """Return the numbers of all machines, half-made ones too."""
        return sorted(int(path.name) for path in self.instance.machines.glob("[0-9]*"))

    def _folder(self, number: int) -> Path:
        return self.instance.machines / str(number)

    def _machine_name(self, number: int) -> str:
        return f"h{self.instance.identity}-{number}"

    def _groups(self, number: int) -> list[Path]:
        try:
            return [Path(text) for text in json.loads((self._folder(number) / "cgroups.json").read_text())]
        except FileNotFoundError:
            return []

    def _furnish(self, disk: Disk, order: Order, sources: Sequence[apt.Source]) -> list[Path]:
        """Write what the machine needs before its first boot; returns host folders to be mounted in it."""
        instance = self.instance
        guest.write_network(
            disk,
            hostname=order.hostname,
            address=order.address,
            subnet=instance.subnet,
            gateway=instance.address,
            address6=order.address6,
        )
        guest.write_apt(disk, sources, apt.host_options())
        acme = guest.certificates_of(instance.acme_ca) if instance.acme_ca.exists() else []
        host_certificates = guest.host_certificates()
        guest.write_trust(disk, [*host_certificates, *acme])
        cloudinit.write_seed(
            disk,
            instance_id=f"{instance.identity}-{order.number}",
            hostname=order.hostname,
            user_data=order.user_data,
            public_keys=order.public_keys,
        )
        return guest.write_registries(disk, own_trust=bool(host_certificates))

    def _nspawn_argv(self, order: Order, root: Path, mounts: Sequence[Path]) -> list[str]:
        options = ["--quiet", "--register=no", "--keep-unit", "--boot", "--console=read-only"]
        options += ["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--kill-signal=SIGRTMIN+4"]
        options += [f"--directory={root}", f"--machine={self._machine_name(order.number)}"]
        options += [f"--hostname={order.hostname}", f"--network-bridge={self.instance.bridge}"]
        options += [f"--bind-ro={path}" for path in mounts]
        return ["systemd-nspawn", *options, "--setenv=TERM=dumb", "systemd.show_status=yes"]


def _await_network(address: str, seconds: float, running: Callable[[], bool]) -> bool:
    """Wait until the machine answers for its address on the bridge, whatever its own firewall lets through.

    Returns False when it does not within the time, or has ended.
    """
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                probe.sendto(b"", (address, _DISCARD_PORT))  # makes the kernel ask who has the address
            if _neighbour_known(address):
                return True
            if not running():
                return False
            time.sleep(0.05)
    return False


def _neighbour_known(address: str) -> bool:
    entries = (line.split() for line in Path("/proc/net/arp").read_text().splitlines()[1:])
    return any(entry[0] == address and int(entry[2], 16) & _ARP_COMPLETE for entry in entries)
