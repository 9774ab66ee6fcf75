"""Apache before a hub and its dashboard: WebSockets, streams, and what is asked again."""

from __future__ import annotations

import http.client
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from msgspec.structs import replace

from provision.inventory.load import load
from provision.inventory.model import Services
from provision.inventory.services.dashboard import Dashboard
from provision.inventory.services.jupyterhub import JupyterHub
from provision.steps.context import Context
from tests.support.edge import Edge, configured_apache
from tests.support.listening import end
from tests.support.network import open_ports
from tests.support.ports import free_port
from tests.support.programs import program
from tests.support.waiting import eventually
from tests.unit.conftest import ROOT, bundle, texts

HEAD = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Hub:
    """What is behind: a server that answers as it is told, and notes what it is asked."""

    def __init__(self, listener: socket.socket) -> None:
        self.seen: list[bytes] = []
        self.answers: list[bytes] = []
        self.go_on = threading.Event()
        self._listener = listener
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def end(self) -> None:
        """Take no more."""
        end(self._listener, self._serving)

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            asked = connection.recv(65536)
            self.seen.append(asked)
            if b"/socket" in asked:
                connection.sendall(UPGRADE)
                while data := connection.recv(100):
                    connection.sendall(data.upper())
            elif b"/stream" in asked:
                connection.sendall(HEAD % b"200 OK" + b"\r\nfirst\n")
                self.go_on.wait(20)
                connection.sendall(b"second\n")
            else:
                connection.sendall(self.answers.pop(0) if self.answers else _says(b"200 OK"))


def _says(status: bytes) -> bytes:
    return HEAD % status + b"Content-Length: 4\r\n\r\nbody"


@pytest.fixture
def hub() -> Iterator[tuple[Hub, int]]:
    """A hub's proxy, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hub = Hub(listener)
        yield hub, listener.getsockname()[1]
        hub.end()


@pytest.fixture
def edge(hub: tuple[Hub, int], running: Callable[..., Popen[bytes]]) -> Iterator[Edge]:
    """Apache as on a node with a hub and a dashboard."""
    fleet = load(ROOT / "inventories" / "demo.yml")
    services = Services(jupyterhub=JupyterHub(hostname="tasks", subdomains=True), dashboard=Dashboard())
    node = replace(fleet.nodes["apis"], webserver="apache", services=services)
    files = texts(Context(fleet, "apis", node, "https://acme.test/dir", bundle))
    with tempfile.TemporaryDirectory(prefix="hub-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        moved = {
            path: re.sub(r"\b8010\b", str(free_port()), text)
            .replace("127.0.0.1:8000", f"127.0.0.1:{hub[1]}")
            .replace("/run/hub-dashboard/", f"{folder}/")
            for path, text in files.items()
        }
        found = configured_apache(folder, moved)
        server = running(program("apache2"), "-f", folder / "apache2.conf", "-D", "FOREGROUND")
        eventually(lambda: open_ports("127.0.0.1", found.https) or server.poll() is not None, pause=0.02)
        yield found


@pytest.mark.parametrize("lost", [b"", _says(b"503 Service Unavailable")])
def test_what_was_under_way_when_a_hub_ended_is_asked_again(
    edge: Edge, hub: tuple[Hub, int], lost: bytes
) -> None:
    hub[0].answers = [lost]
    answer = edge.secure("GET", "/hub/a%2Fb%20c?next=%2Fd%3F&e=1")
    assert (answer.status, answer.read()) == (200, b"body")
    assert [asked.split(b"\r\n")[0] for asked in hub[0].seen] == [
        b"GET /hub/a%2Fb%20c?next=%2Fd%3F&e=1 HTTP/1.1"
    ] * 2
    assert all(b"\r\nX-Forwarded-Proto: https\r\n" in asked for asked in hub[0].seen)


def test_what_may_have_done_something_is_not_and_people_see_a_page(edge: Edge, hub: tuple[Hub, int]) -> None:
    hub[0].answers = [_says(b"503 Service Unavailable")]
    answer = edge.secure("POST", "/hub/login", body=b"x=1")
    assert answer.status == 503
    assert b"One moment" in answer.read()
    assert len(hub[0].seen) == 1


def test_a_websocket_goes_both_ways(edge: Edge) -> None:
    with edge.tls("tasks.demo.test") as connection:
        connection.sendall(
            b"GET /user/ada/socket HTTP/1.1\r\nHost: tasks.demo.test\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 101"
        while b"\r\n\r\n" not in connection.recv(4096):
            pass
        connection.sendall(b"hello")
        assert connection.recv(5) == b"HELLO"


def test_a_stream_shows_at_once(edge: Edge, hub: tuple[Hub, int]) -> None:
    answer: http.client.HTTPResponse = edge.secure("GET", "/user/ada/stream")
    assert answer.readline() == b"first\n"
    hub[0].go_on.set()
    assert answer.readline() == b"second\n"


def test_the_dashboard_says_itself_who_may_frame_it(edge: Edge, hub: tuple[Hub, int]) -> None:
    assert edge.secure("GET", "/hub/home").headers["X-Frame-Options"] == "DENY"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{edge.folder}/web.sock")
        (edge.folder / "web.sock").chmod(0o777)
        listener.listen()
        dashboard = Hub(listener)
        answer = edge.secure("GET", "/services/dashboard/page")
        assert (answer.status, answer.headers["X-Frame-Options"]) == (200, None)
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
        inside = re.findall(
            r"Listen 127.0.0.1:(\d+)", (edge.folder / "sites-enabled/jupyterhub.conf").read_text()
        )
        connection = http.client.HTTPConnection("127.0.0.1", int(inside[0]), timeout=20)
        for path, status in (("/services/dashboard/health", 200), ("/services/dashboard/page", 404)):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
        assert [asked.split(b" ")[1] for asked in dashboard.seen] == [
            b"/services/dashboard/page",
            b"/services/dashboard/health",
        ]
        listener.shutdown(socket.SHUT_RDWR)


def test_names_below_lead_to_the_hubs_own_for_what_is_the_hubs(edge: Edge, hub: tuple[Hub, int]) -> None:
    def asked(path: str) -> tuple[int, str | None]:
        answer = edge.secure("GET", path, headers={"Host": "ada.tasks.demo.test"})
        return answer.status, answer.getheader("Location")

    for path in ("/hub/login?next=%2Fhub%2Fa%2Fb", "/services/dashboard/"):
        assert asked(path) == (307, f"https://tasks.demo.test{path}")
    assert asked("/%68ub/login")[0] == 307
    assert hub[0].seen == []
    assert asked("/user/ada/lab") == (200, None)
    assert b"\r\nHost: ada.tasks.demo.test\r\n" in hub[0].seen[0]
