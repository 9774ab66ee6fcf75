"""Notebooks that are served as on a node: real kernels, real HTTP over a Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.waiting import eventually

ARGV = [sys.executable, "-m", "hub_runtime.notebook_api.web"]


def notebook(*cells: str | tuple[str, str], **metadata: Any) -> str:
    """The text of a notebook: a cell each, or a cell and its tag."""
    made = []
    for cell in cells:
        source, *tags = (cell,) if isinstance(cell, str) else cell
        made.append(
            {
                "cell_type": "code",
                "source": source,
                "metadata": {"tags": tags} if tags else {},
                "outputs": [],
                "execution_count": None,
            }
        )
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Served:
    """A folder with a notebook, and the server of it."""

    def __init__(self, folder: Path, source: str, **settings: Any) -> None:
        self.folder, self.socket = folder, folder / "api.sock"
        self.data = folder / "data"
        self.data.mkdir()
        self.notebook = folder / "notebook.ipynb"
        self.notebook.write_text(source)
        self._settings = folder / "settings.json"
        given = {"notebook": str(self.notebook), "folder": str(self.data), "kernels": 1, **settings}
        self._settings.write_text(json.dumps(given))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HUB_SETTINGS": str(self._settings)}

    @property
    def journal(self) -> str:
        return (self.folder / "journal").read_text()

    def start(self, **environment: str) -> None:
        with (self.folder / "journal").open("ab") as journal:
            self.process = subprocess.Popen(
                [*ARGV, "--bind", str(self.socket)],
                env={**self.environment, **environment},
                stdout=journal,
                stderr=journal,
            )
        eventually(self._up, seconds=120, pause=0.05, what="the server")

    def refused(self) -> tuple[int, str]:
        """The exit code and the last line of what was said by a server that does not begin to serve."""
        done = subprocess.run(
            [*ARGV, "--bind", str(self.socket)], env=self.environment, capture_output=True, text=True
        )
        return done.returncode, done.stderr.strip().splitlines()[-1]

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(60)

    def _up(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            pytest.fail(f"the server ended:\n{self.journal}")
        return self.ask("GET", "/health").status == 200

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())

    def post(self, path: str, value: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.ask("POST", path, json.dumps(value), {"Content-Type": "application/json", **named})

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(self.socket))
        return connection

    def kernels(self) -> list[int]:
        """Process ids of the kernels."""
        assert self.process
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in found if _runs(int(child), "ipykernel_launcher")]


def _runs(pid: int, module: str) -> bool:
    with contextlib.suppress(OSError):
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Served]]:
    """Make servers of notebooks, which end with the module's tests."""
    made: list[Served] = []

    def make(source: str, **settings: Any) -> Served:
        made.append(Served(Path(tempfile.mkdtemp(prefix="hub-")), source, **settings))
        return made[-1]

    yield make
    for each in made:
        if each.process and each.process.poll() is None:
            each.stop()
        if each.process:
            print(each.journal[-20_000:])  # noqa: T201  shown where a test has failed
        shutil.rmtree(each.folder, ignore_errors=True)
