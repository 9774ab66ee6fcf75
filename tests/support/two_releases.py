"""Releases of a service that share one socket, as systemd gives it to them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

LAUNCHER = """
import os, sys
for number, given in enumerate(sys.argv[1:3]):
    os.dup2(int(given), 100 + number)
for number in range(2):
    os.dup2(100 + number, 3 + number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="shared:probe")
os.execv(sys.executable, [sys.executable, "-m", *sys.argv[3:]])
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
    """As much of systemd as a service sees: sockets, their names, a notify socket, an environment.

    Args:
        folder: where all is.
        argv: the module that is run, and its arguments.
    """

    def __init__(self, folder: Path, *argv: str) -> None:
        self.folder, self._argv = folder, argv
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
        notify.settimeout(60)
        with listen(self.probe(release)) as probe:
            fds = [self._shared.fileno(), probe.fileno()]
            env = {
                **os.environ,
                "HUB_ROOT": str(self.folder),
                "HUB_RELEASE": release,
                "NOTIFY_SOCKET": str(self.folder / f"{release}.notify"),
                "PYTHONPATH": f"{self.folder}:{os.environ.get('PYTHONPATH', '')}",
            }
            argv = [sys.executable, "-c", LAUNCHER, *map(str, fds), *self._argv]
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
            except (OSError, AssertionError) as error:
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
