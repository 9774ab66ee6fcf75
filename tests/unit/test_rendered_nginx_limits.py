"""nginx with the configuration of a node: how much one client may take, and what is left for others."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.edge import Edge
from tests.support.waiting import eventually


def _asked(edge: Edge, client: str, times: int) -> Counter[int]:
    """Ask on one connection, as often, from an address; return the answers' statuses."""
    connection = http.client.HTTPConnection("tasks.demo.test", timeout=20)
    connection.sock = edge.tls("tasks.demo.test")
    statuses = Counter[int]()
    for _ in range(times):
        connection.request("GET", "/health", headers={"X-Test-Client": client})
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
        if answer.status == 429:
            assert answer.headers["Content-Type"] == "application/json"
            assert int(answer.headers["Retry-After"]) > 0
        else:
            assert answer.headers["Retry-After"] is None
    return statuses


@pytest.mark.parametrize("limits", [{"requests": 1}])
def test_a_client_that_asks_too_often_is_told_when_to_come_again_and_others_are_answered(edge: Edge) -> None:
    first = _asked(edge, "192.0.2.1", 40)
    assert first[200] >= 6
    assert first[429] > 0
    assert _asked(edge, "192.0.2.2", 5) == {200: 5}


@pytest.mark.parametrize("limits", [{"requests": 1}])
def test_the_addresses_of_one_customer_are_one_client(edge: Edge) -> None:
    assert _asked(edge, "2001:db8:0:a::1", 40)[429] > 0
    assert _asked(edge, "2001:db8:0:a:ffff::2", 5)[429] > 0
    assert _asked(edge, "2001:db8:0:b::1", 5) == {200: 5}


@pytest.mark.parametrize("limits", [{"connections": 2}])
def test_a_client_has_so_many_requests_under_way_and_no_more(edge: Edge) -> None:
    waiting = [edge.tls("tasks.demo.test") for _ in range(2)]
    for connection in waiting:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: tasks.demo.test\r\n\r\n")
    eventually(lambda: len(edge.seen) == 2, pause=0.02)
    answer = edge.secure("GET", "/health")
    assert (answer.status, json.loads(answer.read())["status"]) == (429, "Error")
    edge.slow.set()
    for connection in waiting:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


HELD = 5_000


@pytest.fixture
def files() -> Iterator[None]:
    """Let this process open as many files as a test holds connections."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, HELD + 1_000), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.mark.usefixtures("files")
def test_thousands_of_requests_that_never_end_leave_room_for_others(edge: Edge) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(HELD):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", edge.http), 20))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: tasks")
        for _ in range(20):
            assert edge.secure("GET", "/health").status == 200
    assert "worker_connections" not in (edge.folder / "error.log").read_text()
