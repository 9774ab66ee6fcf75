"""Two releases share the sockets that systemd holds, and no request fails while they change over."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_runtime.serve import is_current

APP = """
import os, time
def app(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    time.sleep(float(environ["QUERY_STRING"] or 0))
    body = os.environ["HUB_RELEASE"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
LAUNCHER = """
import os, sys
for number, given in enumerate(sys.argv[1:3]):
    os.dup2(int(given), 100 + number)
for number in range(2):
    os.dup2(100 + number, 3 + number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="shared:probe")
os.execv(sys.executable, [sys.executable, "-m", "hub_runtime.serve", *sys.argv[3:]])
"""


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(512)
    return listener


def ask(path: Path, query: str = "", method: str = "GET") -> str:
    """Body of the answer, over a connection of its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        body = b"x" * 1000 if method == "POST" else b""
        head = f"{method} /?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, text = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200"), answer
    return text


class Manager:
    """As much of systemd as a service sees: sockets, their names, a notify socket, an environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "application.py").write_text(APP)
        (folder / "releases").mkdir()
        self.shared = folder / "shared.sock"
        self._shared = listen(self.shared)
        self._instances: dict[str, subprocess.Popen[bytes]] = {}
        self._notify: dict[str, socket.socket] = {}
        self._log = (folder / "log").open("ab")

    def switch(self, release: str) -> None:
        """Point ``current`` at a release, atomically."""
        fresh = self.folder / "next"
        fresh.symlink_to(f"releases/{release}")
        fresh.rename(self.folder / "current")

    def probe(self, release: str) -> Path:
        return self.folder / f"{release}.sock"

    def start(self, release: str) -> None:
        self.spawn(release)
        self.await_state(release, "READY=1")

    def spawn(self, release: str) -> None:
        notify = self._notify[release] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(self.folder / f"{release}.notify"))
        notify.settimeout(20)
        with listen(self.probe(release)) as probe:
            fds = [self._shared.fileno(), probe.fileno()]
            env = {
                **os.environ,
                "HUB_ROOT": str(self.folder),
                "HUB_RELEASE": release,
                "NOTIFY_SOCKET": str(self.folder / f"{release}.notify"),
                "PYTHONPATH": f"{self.folder}:{os.environ.get('PYTHONPATH', '')}",
            }
            argv = [sys.executable, "-c", LAUNCHER, *map(str, fds), "application:app"]
            self._instances[release] = subprocess.Popen(
                argv, env=env, pass_fds=fds, stdout=self._log, stderr=self._log
            )

    def reload(self, release: str) -> None:
        self._instances[release].send_signal(signal.SIGHUP)
        self.await_state(release, "RELOADING=1")
        self.await_state(release, "READY=1")

    def await_state(self, release: str, state: str) -> str:
        while True:
            message = self._notify[release].recv(4096).decode()
            if state in message.splitlines():
                return message

    def said(self, release: str) -> list[str]:
        """Notifications not read so far."""
        said = []
        self._notify[release].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(self._notify[release].recv(4096).decode())
        return said

    def stop(self, release: str) -> int:
        self._instances[release].terminate()
        return self.wait(release)

    def wait(self, release: str) -> int:
        return self._instances[release].wait(30)

    def close(self) -> None:
        for instance in self._instances.values():
            if instance.poll() is None:
                instance.kill()
                instance.wait()
        for notify in self._notify.values():
            notify.close()
        self._shared.close()
        self._log.close()


@pytest.fixture
def manager(folder: Path) -> Iterator[Manager]:
    running = Manager(folder)
    yield running
    running.close()


class Load:
    """Clients that ask the shared socket without a pause."""

    def __init__(self, path: Path, clients: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._path = path
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]

    def _ask(self, number: int) -> None:
        while not self._over.is_set():
            try:
                method = "POST" if number % 2 else "GET"
                self.answers[ask(self._path, f"{0.02 * (number % 3)}", method)] += 1
            except (OSError, AssertionError) as error:  # noqa: PERF203
                self.failures.append(repr(error))

    def leaves_alone(self, old: str, *, while_answering: str) -> bool:
        """Tell whether the old release answers nothing while the new one answers thirty requests."""
        served, enough = self.answers[old], self.answers[while_answering] + 30
        while self.answers[while_answering] < enough:
            assert not self.failures
            time.sleep(0.01)
        return self.answers[old] == served

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_no_request_fails_while_two_releases_change_over(manager: Manager) -> None:
    manager.switch("one")
    manager.start("one")
    with Load(manager.shared) as load:
        for old, new in [("one", "two"), ("two", "three"), ("three", "four")]:
            manager.start(new)
            assert ask(manager.probe(new)) == new
            assert new not in load.answers
            manager.switch(new)
            manager.reload(new)
            manager.reload(old)
            while not load.leaves_alone(old, while_answering=new):
                pass  # requests that it had taken before are still being answered
            assert manager.stop(old) == 0
    assert load.failures == []
    assert set(load.answers) == {"one", "two", "three", "four"}


def test_a_release_gives_the_shared_socket_back(manager: Manager) -> None:
    manager.switch("one")
    manager.start("one")
    manager.start("two")
    with Load(manager.shared) as load:
        for current in ["two", "one", "two", "one"]:
            manager.switch(current)
            for release in ("one", "two"):
                manager.reload(release)
            assert ask(manager.shared) == current
    assert load.failures == []


def test_an_answer_under_way_is_finished_before_the_end(manager: Manager) -> None:
    manager.switch("one")
    manager.start("one")
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(ask(manager.shared, "1.5")))
    client.start()
    time.sleep(0.4)
    assert manager.stop("one") == 0
    client.join()
    assert answers == ["one"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: what\r\n\r\n", 501),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_in_json(
    manager: Manager, request_: bytes, status: int
) -> None:
    manager.switch("one")
    manager.start("one")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(manager.shared))
        connection.sendall(request_)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
        said = json.loads(answer.read())
    assert (said["status"], set(said)) == ("Error", {"status", "message"})


def test_requests_wait_in_the_socket_while_nobody_accepts(manager: Manager) -> None:
    manager.switch("two")
    manager.start("one")
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(ask(manager.shared)))
    client.start()
    assert ask(manager.probe("one")) == "one"
    manager.start("two")
    client.join(20)
    assert answers == ["two"]


def test_a_release_that_cannot_be_imported_is_never_ready(manager: Manager) -> None:
    manager.switch("one")
    (manager.folder / "application.py").write_text("raise RuntimeError('broken')")
    manager.spawn("one")
    assert manager.wait("one") != 0
    assert manager.said("one") == []


@pytest.mark.parametrize(
    ("target", "root", "expected"),
    [
        ("releases/r1", True, True),
        ("/opt/hub/x/releases/r1", True, True),
        ("releases/r2", True, False),
        ("elsewhere/r1", True, False),
        (None, True, False),
        (None, False, True),
    ],
)
def test_current_is_where_the_link_points(tmp_path: Path, target: Any, root: bool, expected: bool) -> None:
    if target:
        (tmp_path / "current").symlink_to(target)
    assert is_current(str(tmp_path) if root else None, "r1") is expected
