"""A fleet on the local cloud, driven as an operator does: by the command line."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.distributions import DEFAULT
from provision.keys import own_key_path
from provision.node.resources import Resource
from provision.transport import hostkeys
from tests.support.patched import write_patch
from tests.support.site import Site

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

    def __init__(
        self, folder: Path, instance, name: str, nodes: Mapping[str, str], more: str = "", image: str = IMAGE
    ) -> None:
        self.folder, self.instance, self.name, self.image = folder, instance, name, image
        self.inventory = folder / f"{name}.yml"
        self.write(nodes, more)
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in ("CI", "GITHUB_ACTIONS")},
            "HUBCTL_LOCAL_NAME": instance.name,
            "HUBCTL_CONFIG_DIR": str(folder / "config"),
            "HUBCTL_INVENTORY": str(self.inventory),
        }
        self.program: tuple[str, ...] = ("-m", "provision")
        self.plan: tuple[Resource, ...] = ()

    def planned(self, folder: Path, plan: Sequence[Resource]) -> Fleet:
        """Return the same fleet, driven by a hubctl that has this as the plan of every node."""
        other = self.patched(folder, only=True, resources=plan)
        other.plan = tuple(plan)
        return other

    def patched(
        self, folder: Path, *, resources: Sequence[Resource] = (), only: bool = False, **patch
    ) -> Fleet:
        """Return the same fleet, driven by a hubctl with other templates or plans (see `write_patch`)."""
        if self.plan and not only:
            resources, only = (*self.plan, *resources), True
        patch |= {"resources": resources, "only": only}
        other = copy.copy(self)
        other.program = ("-m", "tests.support.patched", str(write_patch(folder, **patch)))
        return other

    def write(self, nodes: Mapping[str, str], more: str = "") -> None:
        """Write the inventory: node names with a line of services each, and what stands below the nodes."""
        text = "".join(
            NODE.format(name=name, image=self.image, service=service) for name, service in nodes.items()
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

    def killed_at(self, moment: Callable[[dict], bool], *words: str) -> bool:
        """Run a command with --json and kill it at the first event that fits; return whether one did."""
        process = self.start(*words, "--json")
        assert process.stdout is not None
        try:
            return any(moment(json.loads(line)) for line in process.stdout)
        finally:
            process.kill()
            process.communicate()

    def address(self, node: str) -> str:
        """The node's address, as pinned."""
        return self.pinned(node)[0]

    def pinned(self, node: str) -> tuple[str, ...]:
        """All of the node's addresses, as pinned."""
        return hostkeys.read(self.inventory)[node].addresses

    def ssh(self, node: str, *argv: str, check: bool = True, stdin: str = "") -> str:
        """Run a program on a node by OpenSSH, with hubctl's own key and pins; return its output."""
        command = self._ssh_command(self.key, node, argv)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check:
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, node: str, script: str, *, check: bool = True, stdin: str = "") -> str:
        """Do the same with a shell's line."""
        return self.ssh(node, "sh", "-c", script, check=check, stdin=stdin)

    def python(self, node: str, program: str, *words: object, stdin: str = "") -> str:
        """Run one of the programs of `on_node/` on a node; return its output."""
        return self.ssh(node, *on_node(program, *words), stdin=stdin)

    def start_python(self, node: str, program: str, *words: object) -> subprocess.Popen[str]:
        """Start such a program, with pipes to it."""
        pipe = subprocess.PIPE
        command = self._ssh_command(self.key, node, on_node(program, *words))
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def ssh_with(self, key: Path, node: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program on a node with another key."""
        return subprocess.run(
            self._ssh_command(key, node, argv), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    @property
    def key(self) -> Path:
        """The operator's private key; an earlier hubctl kept it by the fleet's name."""
        own = self.folder / "config" / "keys" / own_key_path(self.name, self.inventory).name
        return own if own.exists() else own.with_name(self.name)

    def _ssh_command(self, key: Path, node: str, argv: Sequence[str]) -> list[str]:
        return [
            "ssh",
            *("-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
            *("-o", f"UserKnownHostsFile={hostkeys.path_for(self.inventory)}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"),
            *("-o", "KexAlgorithms=curve25519-sha256", "-o", "LogLevel=ERROR"),
            f"root@{self.address(node)}",
            shlex.join(argv),
        ]

    def site(self, node: str, host: str) -> Site:
        """One of the fleet's sites."""
        return Site(f"{host}.{self.name}.test", self.address(node), Path(self.instance.acme_roots))


def on_node(program: str, *words: object) -> list[str]:
    """Return the arguments that run one of the programs of `on_node/`, whose text travels with them."""
    text = Path(__file__).with_name("on_node").joinpath(f"{program}.py").read_text()
    return ["python3", "-c", text, *map(str, words)]
