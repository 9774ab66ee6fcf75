"""A disk that is full under the store costs waiting, and nothing that was saved."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.tests.conftest import wait_until
from runtime.tests.dashboard.test_hook import Server, events
from runtime.tests.dashboard.test_worker import notebook, source

SIZE = 2_000_000


class Disk:
    """A small disk of its own, and what fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (65536, 4096, 1):
                while _written(file, size):
                    pass

    def make_room(self) -> None:
        """Take away what fills it."""
        self._ballast.unlink()


def _written(file: Any, size: int) -> bool:
    try:
        return bool(file.write(bytes(size)))
    except OSError:
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of two megabytes, for the store alone."""
    if os.geteuid():
        pytest.skip("only root can mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_nothing_is_lost_while_the_disk_is_full(
    disk: Disk, make_dashboard: Callable[..., Any], make_front: Callable[..., Any]
) -> None:
    dashboard = make_dashboard(worker=True, database=f"{disk.folder}/dashboard.sqlite")
    dashboard.save("alice", "day1.ipynb", notebook("before"))
    wait_until(lambda: source(dashboard, "alice") == "before")
    disk.fill()
    taken, refused = _told_until_refused(dashboard)
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "5"
    assert "store" in refused.json["message"]
    assert source(dashboard, "alice") == "before"  # what is there can be read

    address, token = make_front(dashboard).address, dashboard.hub.token("alice")
    server = Server(dashboard.folder, dashboard.homes / "alice", address, token)
    names = [*(f"{number}{'-' * 200}.ipynb" for number in range(5)), "day1.ipynb"]
    for name in names:
        dashboard.write("alice", name, notebook("after"))
        assert server.save(f"{dashboard.homes}/alice/{name}") < 5
    assert dashboard.post("alice", "x" * 4000).status == 503
    disk.make_room()
    wait_until(lambda: {"day1.ipynb", *taken, *names} <= set(events(dashboard)))
    wait_until(lambda: source(dashboard, "alice") == "after")
    server.end()


def _told_until_refused(dashboard: Any) -> tuple[list[str], Any]:
    """Tell of saves until there is no room for one; return those that were taken, and the refusal."""
    taken: list[str] = []
    for number in range(5000):
        name = f"{number}-{'x' * 2000}"
        answer = dashboard.post("alice", name)
        if answer.status != 201:
            return taken, answer
        taken.append(name)
    raise AssertionError("the disk is never full")
