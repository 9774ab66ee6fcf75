"""Two releases share the sockets that systemd holds, and no request fails while they change over."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_runtime.current import is_current
from tests.support.two_releases import Load, Manager, ask

APP = """
import os, time
def app(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    time.sleep(float(environ["QUERY_STRING"] or 0))
    body = os.environ["HUB_RELEASE"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def manager(folder: Path) -> Iterator[Manager]:
    (folder / "application.py").write_text(APP)
    running = Manager(folder, "hub_runtime.serve", "application:app")
    yield running
    running.close()


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
