"""A fleet on the local cloud, driven as an operator does: by the command line."""

from __future__ import annotations

import copy
import http.client
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from provision.distributions import DEFAULT
from provision.transport import hostkeys
from tests.nodes.patched import write_patch

EXAMPLE = {
    "monomers": [["a", "b"], ["a*", "b*"], ["a*", ">mon1"], ["b*"]],
    "constraints": [["FREE", "mon1"]],
    "gen": 2,
    "init_k": 2,
}

IMAGE = DEFAULT.slug
INVENTORY = """\
fleet: {fleet}
domain: {fleet}.test
provider: local
operator: {{email: ops@{fleet}.test}}
acme: {{server: local}}
sizes: {{small: s-1vcpu-2gb}}
nodes:
{nodes}"""

NODE = """\
  {name}:
    size: small
    image: {image}
    services:
      {service}
"""


@dataclass(frozen=True)
class Done:
    """A finished command."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Everything that the operator saw."""
        return self.stdout + self.stderr

    @property
    def events(self) -> list[dict]:
        """The events of a run with --json."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Fleet:
    """An inventory in a folder of its own, on a local cloud."""

    def __init__(self, folder: Path, instance, name: str, nodes: dict[str, str], more: str = "") -> None:
        self.folder, self.instance, self.name = folder, instance, name
        self.inventory = folder / f"{name}.yml"
        self.write(nodes, more)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in ("CI", "GITHUB_ACTIONS")},
            "HUBCTL_LOCAL_NAME": instance.name,
            "HUBCTL_CONFIG_DIR": str(folder / "config"),
            "HUBCTL_INVENTORY": str(self.inventory),
        }
        self.program = ("-m", "provision")

    def patched(self, folder: Path, **patch) -> Fleet:
        """Return the same fleet, driven by a hubctl with other templates or plans (see `write_patch`)."""
        other = copy.copy(self)
        other.program = ("-m", "tests.nodes.patched", str(write_patch(folder, **patch)))
        return other

    def write(self, nodes: dict[str, str], more: str = "") -> None:
        """Write the inventory: node names with a line of services each, and what stands below the nodes."""
        text = "".join(
            NODE.format(name=name, image=IMAGE, service=service) for name, service in nodes.items()
        )
        self.inventory.write_text(INVENTORY.format(fleet=self.name, nodes=text) + more)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, *self.program, *words],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hubctl(self, *words: str, seconds: float = 600, **environment: str) -> Done:
        """Run a command to its end."""
        process = self.start(*words, **environment)
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return Done(process.returncode, stdout, stderr)

    def done(self, *words: str, **environment: str) -> Done:
        """Run a command that must succeed."""
        finished = self.hubctl(*words, **environment)
        assert finished.status == 0, finished.text
        return finished

    def address(self, node: str) -> str:
        """The node's address, as pinned."""
        return self.pinned(node)[0]

    def pinned(self, node: str) -> tuple[str, ...]:
        """All of the node's addresses, as pinned."""
        return hostkeys.read(self.inventory)[node].addresses

    def ssh(self, node: str, *argv: str, check: bool = True, stdin: str = "") -> str:
        """Run a program on a node by OpenSSH, with hubctl's own key and pins; return its output."""
        command = self._ssh_command(node, argv)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check:
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_ssh(self, node: str, *argv: str) -> subprocess.Popen[str]:
        """Start a program on a node, with pipes to it."""
        pipe = subprocess.PIPE
        command = self._ssh_command(node, argv)
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def _ssh_command(self, node: str, argv: tuple[str, ...]) -> list[str]:
        return [
            "ssh",
            *("-i", str(self.folder / "config" / "keys" / self.name)),
            *("-o", f"UserKnownHostsFile={hostkeys.path_for(self.inventory)}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
            *("-o", "KexAlgorithms=curve25519-sha256", "-o", "LogLevel=ERROR"),
            f"root@{self.address(node)}",
            shlex.join(argv),
        ]

    def site(self, node: str, host: str) -> Site:
        """One of the fleet's sites."""
        return Site(f"{host}.{self.name}.test", self.address(node), Path(self.instance.acme_roots))


class Site:
    """A site at a known address, verified against the local CA's roots."""

    def __init__(self, host: str, address: str, roots: Path) -> None:
        self.host, self.address = host, address
        self._context = ssl.create_default_context(cafile=str(roots))

    def connection(self, *, seconds: float = 30) -> http.client.HTTPSConnection:
        """Open a connection."""
        connection = http.client.HTTPSConnection(self.host, timeout=seconds)
        raw = socket.create_connection((self.address, 443), timeout=seconds)
        connection.sock = self._context.wrap_socket(raw, server_hostname=self.host)
        return connection

    def ask(self, method: str, path: str, body: object = None, *, seconds: float = 30) -> tuple[int, object]:
        """Send one request on a connection of its own; return status and decoded body."""
        status, answer = self.ask_raw(method, path, body, seconds=seconds)
        return status, json.loads(answer)

    def ask_raw(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        seconds: float = 30,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Do the same for any answer."""
        connection = self.connection(seconds=seconds)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def solve(self, task: object = None, *, seconds: float = 60) -> tuple[int, dict]:
        """Post a task and return its final status and answer."""
        status, accepted = self.ask("POST", "/task", EXAMPLE if task is None else task)
        assert status == 202, accepted
        return self.final(accepted["task_id"], seconds=seconds)

    def final(self, task_id: str, *, seconds: float = 60) -> tuple[int, dict]:
        """Return a task's final status and answer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, answer = self.ask("GET", f"/status/{task_id}")
            if status not in (202, 203):
                return status, answer
            time.sleep(0.1)
        raise AssertionError(f"task {task_id} did not end within {seconds} s")


def eventually(look, *, seconds: float = 60, pause: float = 0.3):
    """Call `look` until it gives something true, and return that; its errors count as not yet."""
    deadline = time.monotonic() + seconds
    latest: object = None
    while time.monotonic() < deadline:
        try:
            found = look()
        except (OSError, AssertionError) as error:
            latest = error
        else:
            if found:
                return found
        time.sleep(pause)
    raise AssertionError(f"did not come within {seconds} s: {latest}")
