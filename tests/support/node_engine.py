"""A machine in a folder, on which the real engine runs as a program of its own."""

from __future__ import annotations

import atexit
import functools
import gzip
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.node.intact import MANIFEST
from provision.node.manifest import dump
from provision.node.resources import Resource
from provision.packing import engine_archive

PROGRAMS = Path(__file__).with_name("node_programs.py")


@functools.cache
def python(version: str) -> str:
    """Return a Python of a version, such as 3.13, or else this one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(
        f"versions/{version}.*/bin/python3"
    )
    says = "import sys; print(sys.executable)"  # pyenv's own `python` is a script that takes its time to find one
    for name in (f"python{version}", *map(str, sorted(pyenv))):
        if found := shutil.which(name):
            done = subprocess.run([found, "-c", says], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.strip()
    return sys.executable


def oldest_python() -> str:
    """Return a Python 3.9, the oldest that nodes may have, or else this one."""
    return python("3.9")


@functools.cache
def engine_folder() -> Path:
    """Return a folder that holds the engine as a node gets it; it goes with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="hubctl-engine-"))
    atexit.register(shutil.rmtree, folder)
    with tarfile.open(fileobj=io.BytesIO(engine_archive()[1])) as archive:
        archive.extractall(folder, filter="data")
    return folder


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


@dataclass(frozen=True)
class Run:
    """What a run of the engine said."""

    status: int
    events: tuple[dict[str, Any], ...]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    @property
    def end(self) -> dict[str, Any]:
        return self.events[-1]

    @property
    def changed(self) -> list[str]:
        return [each["id"] for each in self.of("resource") if each["status"] in ("changed", "would-change")]

    @property
    def error(self) -> dict[str, Any]:
        (error,) = self.of("error")
        return error

    @property
    def actions(self) -> list[tuple[str, str]]:
        return [(each["name"], each["action"]) for each in self.of("unit")]

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Machine:
    """A machine in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("fake", "run", "etc/systemd/system", "usr/sbin", "var/lib/dpkg", "tmp"):
            (root / folder).mkdir(parents=True)
        # Files are given to the user of the tests, who need not be root.
        self.write("etc/passwd", f"root:x:{os.getuid()}:{os.getgid()}:root:/root:/bin/sh\n")
        self.write("etc/group", f"root:x:{os.getgid()}:\n")

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def write(self, name: str, text: str) -> Path:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)
        return self.path(name)

    def read(self, name: str) -> str:
        return self.path(name).read_text()

    def calls(self, program: str) -> list[list[str]]:
        lines = self.read("fake/calls.jsonl").splitlines() if self.path("fake/calls.jsonl").exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == program]

    def forget_calls(self) -> None:
        self.path("fake/calls.jsonl").unlink(missing_ok=True)

    def tree(self) -> dict[str, tuple[int, str]]:
        """Return every file's mode and content, and every link's target, below /etc and /opt.

        A manifest's content is left out: it has the times of the files that it is of.
        """
        found = {}
        for path in sorted([*self.path("etc").rglob("*"), *self.path("opt").rglob("*")]):
            if path.is_symlink():
                found[str(path.relative_to(self.root))] = (0, str(path.readlink()))
            elif path.is_file():
                found[str(path.relative_to(self.root))] = (
                    path.stat().st_mode,
                    "" if path.name == MANIFEST else path.read_text(errors="replace"),
                )
        return found

    def start(self, *program: str, at: socket.socket | None = None) -> subprocess.Popen[bytes]:
        """Start the engine, which waits for a request; its folder is what nodes' engines are known by."""
        engine = self.path("var/lib/hubctl/engine/tests")
        return subprocess.Popen(
            [oldest_python(), "-s", str(PROGRAMS), str(self.root), str(engine), *program],
            stdin=at or subprocess.PIPE,
            stdout=at or subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(engine_folder())},
        )

    def request(self, **fields: Any) -> bytes:
        run = {
            "id": "5f0c0f3e-0000",
            "who": "ann@laptop",
            "from": "laptop",
            "command": "deploy",
            "started": "now",
        }
        manifest = {"format": 1, "fleet": "demo", "node": "apis", "run": run, "lock_wait": 0, **fields}
        return frame(gzip.compress(json.dumps(manifest).encode()))

    def ask(self, op: str, *, blobs: Mapping[str, bytes] | None = None, **fields: Any) -> Run:
        """Have the engine do one operation to its end."""
        process = self.start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(self.request(op=op, **fields))
        process.stdin.flush()
        events = []
        for line in process.stdout:
            event = json.loads(line)
            events.append(event)
            if event["event"] == "need":
                for name in event["blobs"]:
                    process.stdin.write(frame((blobs or {})[name]))
                process.stdin.flush()
        status = process.wait(timeout=60)
        process.stdin.close()
        process.stdout.close()
        return Run(status, tuple(events))

    def converge(self, resources: Iterable[Resource], *, apply: bool = True, **fields: Any) -> Run:
        return self.ask("converge", apply=apply, resources=dump(tuple(resources)), **fields)

    def plan(self, resources: Iterable[Resource], **fields: Any) -> Run:
        return self.converge(resources, apply=False, **fields)
