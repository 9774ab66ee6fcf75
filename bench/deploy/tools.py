"""hubctl and the tools it is compared with, each ready to deploy the same state to a node."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .fleet import ROOT, Cloud, Line
from .measure import Cost, timed

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Job:
    """One deploy to be measured.

    Args:
        line: the way to the node.
        node: its name.
        state: path of the state as JSON, for the others.
        revision: text of the file that changes; part of `state` too.
        changes: how many resources will change, 0 or 1.
    """

    line: Line
    node: str
    state: Path
    revision: str
    changes: int


class Tool(Protocol):
    """Something that deploys."""

    name: str

    def deploy(self, job: Job) -> Cost:
        """Deploy; return what the whole process took."""
        ...


class Hubctl:
    """hubctl itself, by its own command line."""

    name = "hubctl"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def argv(self, line: Line, *nodes: str) -> list[str]:
        """Return the command line that deploys nodes."""
        many = ["--parallel", str(max(10, len(nodes)))]
        return [
            sys.executable,
            "-m",
            "bench.deploy.hubctl",
            "deploy",
            *many,
            "-i",
            str(line.inventory),
            *nodes,
        ]

    def run(self, line: Line, *nodes: str, plan: str, revision: str = "0", changes: int | None = 0) -> Cost:
        """Deploy nodes; every one must change so many resources, any number when that is None."""

        def expect(output: str) -> bool:
            counts = re.findall(r"^\S+: \d+ ok, (\d+) changed", output, re.MULTILINE)
            return len(counts) == len(nodes) and (changes is None or set(counts) == {str(changes)})

        env = {**self._cloud.environment, "BENCH_PLAN": plan, "BENCH_REVISION": revision}
        return timed(self.argv(line, *nodes), env=env, cwd=ROOT, expect=expect)

    def deploy(self, job: Job) -> Cost:
        """Deploy the whole plan to one node."""
        return self.run(job.line, job.node, plan="whole", revision=job.revision, changes=job.changes)


class Pyinfra:
    """pyinfra, newest release."""

    name = "pyinfra"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = installed("pyinfra")

    def deploy(self, job: Job) -> Cost:
        """Deploy to one node."""
        data = {
            "ssh_user": "root",
            "ssh_key": str(self._cloud.key),
            "ssh_known_hosts_file": str(job.line.known_hosts),
            "ssh_strict_host_key_checking": "yes",
        }
        inventory = self._cloud.folder / "pyinfra_inventory.py"
        inventory.write_text(f"bench = [({job.line.address(job.node)!r}, {data!r})]\n")
        return timed(
            [str(self._folder / "bin/pyinfra"), "--yes", str(inventory), str(HERE / "pyinfra_deploy.py")],
            env={**os.environ, "BENCH_STATE": str(job.state)},
            cwd=self._cloud.folder,
            expect=lambda output: pyinfra_changes(output) == job.changes,
        )


def pyinfra_changes(output: str) -> int:
    """Return how many operations changed something, as pyinfra's last table says, or -1."""
    found = re.search(r"Grand total\D+(\d+)\D+?(\d+|-)", output)
    return -1 if found is None else int(found[2].replace("-", "0"))


class Ansible:
    """ansible-core, newest release for this Python."""

    def __init__(self, cloud: Cloud, *, pipelining: bool) -> None:
        self._cloud = cloud
        self._pipelining = pipelining
        self._folder = installed("ansible-core")
        self.name = "ansible, pipelining" if pipelining else "ansible"

    def deploy(self, job: Job) -> Cost:
        """Deploy to one node, beginning without a connection from an earlier run."""
        with self._control_folder() as control:
            options = f"-F /dev/null -o UserKnownHostsFile={shlex.quote(str(job.line.known_hosts))}"
            env = {
                **os.environ,
                "BENCH_STATE": str(job.state),
                "ANSIBLE_PIPELINING": str(self._pipelining),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control),
                "ANSIBLE_SSH_COMMON_ARGS": options,
                "ANSIBLE_PRIVATE_KEY_FILE": str(self._cloud.key),
                "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
                "ANSIBLE_REMOTE_USER": "root",
            }
            address = job.line.address(job.node)
            argv = [
                str(self._folder / "bin/ansible-playbook"),
                "-i",
                f"{address},",
                str(HERE / "playbook.yml"),
            ]
            return timed(
                argv,
                env=env,
                cwd=self._cloud.folder,
                expect=lambda output: (
                    re.search(rf"ok=\d+ +changed={job.changes} .*failed=0", output) is not None
                ),
            )

    @contextmanager
    def _control_folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="hb-") as name:
            yield Path(name)
            for path in Path(name).iterdir():
                argv = ["ssh", "-F", "/dev/null", "-S", str(path), "-O", "exit", "bench"]
                subprocess.run(argv, capture_output=True, check=False)


def installed(package: str) -> Path:
    """Return the virtual environment of a tool, made when it is missing or holds another than the newest release."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hubctl-bench" / package
    if not (cache / "bin/pip").exists():
        print(f"making {cache}", flush=True)
        venv.create(cache, with_pip=True)
    pip = [str(cache / "bin/pip"), "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--upgrade", package], check=True, stderr=subprocess.DEVNULL)
    print(f"{package} {version(cache, package)} is in {cache}", flush=True)
    return cache


def version(folder: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    argv = [str(folder / "bin/python"), "-c", code, package]
    return subprocess.run(argv, text=True, capture_output=True, check=True).stdout.strip()
