"""`ask` tells an answer from none, from a node."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from provision.transport.answers import Heard
from tests.support.listening import end
from tests.support.node_engine import Machine

Serve = Callable[[bytes | None], int]


@pytest.fixture
def server() -> Iterator[Serve]:
    """Serve one answer to every connection: bytes, or silence for None; give the port."""
    listeners: list[tuple[socket.socket, threading.Thread]] = []
    sockets: list[socket.socket] = []

    def serve(answer: bytes | None) -> int:
        listening = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                sockets.append(connection)
                if answer is not None:
                    connection.recv(1) if answer.startswith(b"HTTP") else None
                    connection.sendall(answer)
                    connection.close()

        taking = threading.Thread(target=run, daemon=True)
        taking.start()
        listeners.append((listening, taking))
        return int(listening.getsockname()[1])

    yield serve
    for listening, taking in listeners:
        end(listening, taking)
    for each in sockets:
        each.close()


def ask(machine: Machine, port: int, text: str = "", **fields: object) -> Heard:
    expected = "HTTP/1.1 200" if text else ""
    run = machine.ask("ask", host="127.0.0.1", port=port, text=text, expected=expected, silence=0.6, **fields)
    assert run.status == 0
    return Heard(**run.of("data")[0]["data"])


@pytest.mark.parametrize(
    ("answer", "text", "shown"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "GET /health", "answers in"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "GET /health", "does not answer: it answers 'HTTP/1.1 503"),
        (b"", "", "does not answer: the connection was closed without a byte"),
        (b"220 hello\r\n", "", "answers in"),
        (None, "", "keeps the connection open"),
        (None, "GET /health", "does not answer: no answer within 1 s"),
    ],
)
def test_an_answer_is_told_from_none(
    machine: Machine, server: Serve, answer: bytes | None, text: str, shown: str
) -> None:
    assert shown in str(ask(machine, server(answer), text))


def test_where_nobody_listens_it_says_so(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "refused" in str(ask(machine, port))


def test_it_asks_again_until_somebody_answers(machine: Machine, server: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    def serve_late() -> None:
        listening = socket.create_server(("127.0.0.1", port))
        connection, _ = listening.accept()
        connection.sendall(b"220 hello\r\n")
        connection.close()
        listening.close()

    late = threading.Timer(1, serve_late)
    late.start()
    assert "answers in" in str(ask(machine, port, seconds=60))
    late.join()


def test_status_asks_each_service_at_its_own_socket(machine: Machine) -> None:
    path = machine.path("well.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def run() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(64)
                connection.sendall(b"+PONG\r\n")

        threading.Thread(target=run, daemon=True).start()
        asked = {"host": str(path), "text": "PING\r\n", "expected": "+PONG"}
        gone = {**asked, "host": str(machine.path("gone.sock"))}
        run_ = machine.ask("status", services={"well": asked, "gone": gone})
    found = {name: Heard(**heard) for name, heard in run_.of("data")[0]["data"]["services"].items()}
    assert str(found["well"]).startswith("answers in")
    assert "No such file" in str(found["gone"])
