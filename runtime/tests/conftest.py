"""Real processes to test against: redis-server, queue workers and Gunicorn, each test's own."""

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
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

ENDED = frozenset({200, 400, 401, 402})


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of the condition; a failure when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """HTTP over a Unix socket, one connection a request."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def call(
        self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = UnixConnection(self.path)
        try:
            connection.request(method, url, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def json(self, method: str, url: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        status, _, answer = self.call(method, url, data, {"Content-Type": "application/json"})
        return status, json.loads(answer)

    def post(self, **task: Any) -> str:
        status, answer = self.json("POST", "/task", task)
        assert status == 202, answer
        return str(answer["task_id"])

    def status(self, task: str) -> tuple[int, Any]:
        return self.json("GET", f"/status/{task}")

    def outcome(self, task: str, seconds: float = 60.0) -> tuple[int, Any]:
        """Status and answer of a task once it has ended."""

        def ended() -> tuple[int, Any] | None:
            status, answer = self.status(task)
            return (status, answer) if status in ENDED else None

        return wait_until(ended, seconds)


class Processes:
    """A folder, and the processes started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(argv, cwd=self.folder, stdout=log, stderr=log, **options)
        self._running.append(process)
        return process

    def end(self) -> None:
        for process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        for path in sorted(self.folder.glob("*.log")):  # shown where a test has failed
            print(f"--- {path.name}\n{path.read_text(errors='replace')[-20_000:]}")  # noqa: T201

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


class Service(Processes):
    """Redis, workers and the API as they run on a node, on Unix sockets in one folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder)
        self.redis_socket = folder / "redis.sock"
        self.settings = folder / "settings.json"
        self.settings.write_text(
            json.dumps({"redis_url": f"unix://{self.redis_socket}", "workers": 2, "timeout": 60, **settings})
        )
        self.env = {**os.environ, "HUB_SETTINGS": str(self.settings)}
        self.client = Client(folder / "api.sock")
        self.redis = self.worker = self.api = None

    def start_redis(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.redis_socket), "--dir", str(self.folder)]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.redis = self.start("redis", ["redis-server", *options])
        self.database = redis.Redis(unix_socket_path=str(self.redis_socket))
        wait_until(self._redis_answers)

    def _redis_answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.database.ping())
        return False

    def start_worker(self) -> None:
        argv = [sys.executable, "-m", "hub_runtime.task_api.worker"]
        self.worker = self.start("worker", argv, env=self.env)

    def start_api(self) -> None:
        argv = [sys.executable, "-m", "hub_runtime.serve", "hub_runtime.task_api.wsgi:app"]
        self.api = self.start("api", [*argv, "--bind", f"unix:{self.client.path}"], env=self.env)
        wait_until(self._api_answers)

    def _api_answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.client.call("GET", "/openapi.json")[0] == 200
        return False

    def solvers(self) -> list[int]:
        """Process ids of the solvers of this service's worker: grandchildren of the worker."""
        return [pid for pool in children(self.worker.pid) for pid in children(pool)]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def short_folder() -> Path:
    """Make a folder, in memory where there is such a place: Redis syncs each write.

    A disk that others write to keeps it waiting for longer than clients wait for Redis; what it loses with the power is
    not tried here.
    """
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="hub-", dir=memory if memory.is_dir() else None))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a Unix socket."""
    path = short_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_service(folder: Path) -> Iterator[Callable[..., Service]]:
    """Starts a whole service with the settings given."""
    services: list[Service] = []

    def make(worker: bool = True, **settings: Any) -> Service:
        service = Service(folder, **settings)
        services.append(service)
        service.start_redis()
        if worker:
            service.start_worker()
        service.start_api()
        return service

    yield make
    for service in services:
        service.end()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One service for all tests of a module that leave it as it was."""
    path = short_folder()
    running = Service(path, result_expires=120, timeout=30, cors_origins=["https://lab.example"])
    running.start_redis()
    running.start_worker()
    running.start_api()
    yield running
    running.end()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def example() -> dict[str, Any]:
    """The request that the API's document shows."""
    return {
        "monomers": [["a", "b"], ["a*", "b*"], ["a*", ">mon1"], ["b*"]],
        "constraints": [["FREE", "mon1"]],
        "gen": 2,
        "init_k": 2,
    }


@pytest.fixture(scope="session")
def endless() -> dict[str, Any]:
    """A request with far more configurations than can be listed while a test runs."""
    monomers = [["a", "b", "c"], ["a*", "b*"], ["b*", "c*"], ["a*", "c*"]] * 4
    return {"monomers": monomers + [[f"a:s{i}"] for i in range(6)], "gen": 200_000}
