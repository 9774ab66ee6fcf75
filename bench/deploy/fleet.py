"""A local cloud for one benchmark: its nodes, and the same nodes at the end of a slow line."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision import distributions
from provision.keys import own_key_path
from provision.transport import hostkeys

FLEET = "bench"
ROOT = Path(__file__).resolve().parents[2]
_TRIES = 3
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_INSTANCES = 1024
_HEAD = f"""\
fleet: {FLEET}
domain: {FLEET}.test
provider: local
operator: {{email: ops@{FLEET}.test}}
acme: {{server: local}}
sizes: {{small: s-1vcpu-2gb}}
nodes:
"""
_NODE = "  {name}: {{size: small, image: {image}{services}}}\n"
_TASK_API = ", services: {{task_api: {{hostname: {name}-tasks, workers: 1}}}}"


@dataclass(frozen=True)
class Line:
    """One way to the nodes: an inventory whose pins hold their addresses, and the round trip it takes."""

    rtt: int
    inventory: Path

    def address(self, node: str) -> str:
        """Return a node's address on this line."""
        return hostkeys.read(self.inventory)[node].addresses[0]

    @property
    def known_hosts(self) -> Path:
        """The pins, as OpenSSH reads them."""
        return hostkeys.path_for(self.inventory)


class Cloud:
    """The benchmark's local cloud, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"bench-{os.getpid()}-{secrets.token_hex(2)}"
        self.near = Line(0, folder / f"{FLEET}.yml")
        self.environment = {
            **{
                key: value
                for key, value in os.environ.items()
                # PYTHON…: whoever forbids Python to keep what it compiled measures its compiler.
                if not key.startswith(("HUBCTL_", "CI", "GITHUB_", "PYTHON"))
            },
            "HUBCTL_LOCAL_NAME": self.name,
            "HUBCTL_CONFIG_DIR": str(folder / "config"),
        }

    @property
    def key(self) -> Path:
        """The operator's private key, which every tool uses."""
        inventory = self.near.inventory
        return self.folder / "config" / "keys" / own_key_path(FLEET, inventory).name

    def hubctl(self, *words: str) -> None:
        """Run hubctl, whose plan is its own; its output is shown when it fails."""
        done = self._attempt(*words)
        if done.returncode != 0:
            sys.exit(f"hubctl {' '.join(words)} failed:\n{done.stdout}")

    def _attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "provision", *words],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def _create(self, name: str) -> None:
        """Make a machine; one that does not come up is made anew, for an hour's measurements hang on it."""
        inventory = ("-i", str(self.near.inventory))
        for _ in range(_TRIES):
            done = self._attempt("create-node", "--no-deploy", *inventory, name)
            if done.returncode == 0:
                return
            print(done.stdout, flush=True)
            self.hubctl("destroy-node", "--yes", *inventory, name)
        sys.exit(f"machine {name} did not come up {_TRIES} times")

    @contextlib.contextmanager
    def machines(self, names: Sequence[str], *, served: bool) -> Iterator[None]:
        """Make machines, not deployed yet, for the time of a `with` block.

        Args:
            names: the nodes' names, of this block's inventory.
            served: whether they run task_api.
        """
        services = _TASK_API if served else ""
        nodes = "".join(
            _NODE.format(name=name, image=distributions.DEFAULT.slug, services=services.format(name=name))
            for name in names
        )
        self.near.inventory.write_text(_HEAD + nodes)
        try:
            for name in names:
                self._create(name)
            yield
        finally:
            for name in names:
                self.hubctl("destroy-node", "--yes", "-i", str(self.near.inventory), name)

    def ssh(self, line: Line, node: str) -> list[str]:
        """Return the words that enter a node by OpenSSH with its own defaults."""
        return [
            *("ssh", "-F", "/dev/null", "-i", str(self.key), "-o", f"UserKnownHostsFile={line.known_hosts}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", f"root@{line.address(node)}"),
        ]

    @contextlib.contextmanager
    def far(self, rtt: int) -> Iterator[Line]:
        """Give the same nodes at loopback addresses behind a delaying proxy, for the time of a `with` block."""
        line = Line(rtt, self.folder / f"{FLEET}-{rtt}ms.yml")
        line.inventory.write_text(self.near.inventory.read_text())
        routes = []
        for number, (node, pin) in enumerate(hostkeys.read(self.near.inventory).items(), start=1):
            address = f"127.77.{rtt % 256}.{number}"
            hostkeys.pin(line.inventory, hostkeys.Pin(node, (address,), pin.key_type, pin.key))
            hostkeys.note_operator(line.inventory, self.key.with_name(f"{self.key.name}.pub").read_text())
            routes.append(f"{address}:22={pin.addresses[0]}:22")
        proxy = subprocess.Popen(
            [sys.executable, "-m", "bench.deploy.proxy", str(rtt), *routes],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert proxy.stdout is not None
            if proxy.stdout.readline() != "ready\n":
                sys.exit(
                    "the delaying proxy did not start: is port 22 taken on all addresses of this computer?"
                )
            yield line
        finally:
            proxy.terminate()
            proxy.wait()


@contextlib.contextmanager
def room_for_systemd() -> Iterator[None]:
    """Let many machines run at once: each systemd takes about seven inotify instances, and root has 128 by default."""
    before = _INOTIFY.read_text()
    _INOTIFY.write_text(str(max(int(before), _INOTIFY_INSTANCES)))
    try:
        yield
    finally:
        _INOTIFY.write_text(before)


@contextlib.contextmanager
def local_cloud(folder: Path) -> Iterator[Cloud]:
    """Start a local cloud for the time of a `with` block; everything in it is removed at the end."""
    cloud = Cloud(folder)
    with room_for_systemd():
        try:
            cloud.hubctl("local", "up", "--name", cloud.name)
            yield cloud
        finally:
            cloud.hubctl("local", "down", "--destroy", "--name", cloud.name)
