"""Machines of the local cloud, driven by python-digitalocean and plain ssh; and what is left of an instance."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import digitalocean
import pytest

from provision.cloud.local.instance import Instance
from provision.distributions import DEFAULT
from tests.support.waiting import eventually

LIMIT = 90.0  # seconds that anything here may take; generous, a machine takes two


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    eventually(condition, seconds=LIMIT, pause=0.5, what=what)  # the API takes 250 requests a minute


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


@dataclass(frozen=True)
class Node:
    """A machine with the host key that it was given before it existed."""

    droplet: digitalocean.Droplet
    folder: Path

    @property
    def address(self) -> str:
        return str(self.droplet.ip_address)

    def ssh(self, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        options = ["-i", self.folder / "operator", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
        options += [
            "-o",
            f"UserKnownHostsFile={self.folder / 'known_hosts'}",
            "-o",
            "StrictHostKeyChecking=yes",
        ]
        argv = ["ssh", *options, "-o", "ConnectTimeout=10", f"root@{self.address}", command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=check)

    def reachable(self) -> bool:
        return self.ssh("true", check=False).returncode == 0


def client(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> digitalocean.Manager:
    monkeypatch.setenv("DIGITALOCEAN_END_POINT", instance.endpoint)
    monkeypatch.setenv("DIGITALOCEAN_ACCESS_TOKEN", instance.token)
    return digitalocean.Manager()


def boot(folder: Path, name: str, image: str | int = DEFAULT.slug, **options: object) -> Node:
    """Order a machine with a host key and an operator key of its own, and wait until the API calls it active."""
    folder.mkdir(parents=True, exist_ok=True)
    host_key = make_key(folder / "host")
    make_key(folder / "operator")
    private = "".join(f"    {line}\n" for line in host_key.read_text().splitlines())
    public = (folder / "host.pub").read_text()
    droplet = digitalocean.Droplet(
        name=name,
        size="s-1vcpu-1gb",
        image=image,
        region="nyc3",
        ssh_keys=[(folder / "operator.pub").read_text()],
        user_data=f"#cloud-config\nssh_keys:\n  ed25519_private: |\n{private}  ed25519_public: {public}",
        tags=["test"],
        **options,
    )
    droplet.create()
    wait_until("active", lambda: droplet.load().status == "active")
    key_type, key = public.split()[:2]
    (folder / "known_hosts").write_text(f"{droplet.ip_address} {key_type} {key}\n")
    wait_until("listening", lambda: banner(str(droplet.ip_address)))
    return Node(droplet, folder)


def banner(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            connection.settimeout(5)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def processes_of(instance: Instance) -> list[str]:
    """Return the command lines of this computer that belong to an instance."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(instance.folder) in line or f"serve {instance.name} " in line:
            lines.append(line)
    return lines


def traces_of(instance: Instance) -> list[str]:
    """Return everything of an instance that can still be found on this computer."""
    found = processes_of(instance)
    for argv in (["ip", "link"], ["ip", "route"], ["nft", "list", "tables"]):
        output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        found += [line for line in output.splitlines() if instance.identity in line]
    for mounts in Path("/proc").glob("[0-9]*/mounts"):
        try:
            found += [line for line in mounts.read_text().splitlines() if str(instance.folder) in line]
        except (OSError, ProcessLookupError):
            continue
    found += [path for path, _, _ in os.walk("/sys/fs/cgroup") if f"h{instance.identity}-" in path]
    found += [
        str(path)
        for path in (instance.folder, instance.folder.with_name(f".{instance.name}.lock"))
        if path.exists()
    ]
    return found
