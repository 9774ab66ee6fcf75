"""Admins say on the pages who may use the hub: a real hub, and the node's own engine behind its socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub_runtime.dashboard import node as client
from hub_runtime.web import policy
from provision.node.resources import PythonEnv
from provision.node.users.places import PACKAGES
from runtime.tests.dashboard.conftest import SETUP, Hub, Service
from tests.support.html import elements
from tests.support.listening import end
from tests.support.node_engine import Machine

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
ACTIONS = ("people/add", "people/password", "people/remove", "packages/add", "packages/remove")
UV = "/opt/hub/uv/bin/uv"


class Node:
    """A machine in a folder whose engine answers at a socket, started for each who asks, as systemd does it."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.machine = Machine(folder)
        self.address = folder / "admin.sock"
        address = f"http://127.0.0.1:{hub.port}"
        settings = {"hub": address, "hub_itself": address, "state": "/var/lib/hub/jupyterhub"}
        self.machine.write("etc/jupyterhub/settings.json", json.dumps(settings))
        self.machine.write("var/lib/hub/jupyterhub/users.token", SETUP)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen()
        self._taking = threading.Thread(target=self._accept, daemon=True)
        self._taking.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, self.machine.start("admin", at=connection) as engine:
            engine.wait()

    def deploy(self) -> None:
        """Have the environment of users there."""
        self.machine.write(UV, "")
        users = PythonEnv("/opt/hub/jupyterhub/users", "", UV, PACKAGES)
        assert self.machine.converge([users]).status == 0

    def close(self) -> None:
        end(self._listener, self._taking)

    def members(self) -> set[str]:
        rows = dict(line.split(":", 1) for line in self.machine.read("etc/group").splitlines())
        return set(rows["hub-users"].split(":")[-1].split(","))


@pytest.fixture
def node(folder: Path, hub: Hub) -> Iterator[Node]:
    place = folder / "node"
    place.mkdir()
    with contextlib.closing(Node(place, hub)) as node:
        yield node


@pytest.fixture
def dashboard(make_dashboard: Any, node: Node) -> Service:
    return make_dashboard(admin=str(node.address))


def send(dashboard: Service, path: str, user: str = "ada", **form: str) -> Any:
    return dashboard.ask("POST", f"/{path}", user, urlencode(form).encode(), **FORM)


def cards(page: str) -> dict[str, str]:
    words = [one.text for one in elements(page) if one.tag == "code"]
    return dict(zip(words[::2], words[1::2], strict=True))


def rows(dashboard: Service, path: str) -> list[str]:
    page = dashboard.ask("GET", f"/{path}", "ada").body.decode()
    return [one.text for one in elements(page) if one.tag == "th" and one.get("scope") == "row"]


def test_an_admin_adds_people_gives_a_new_password_and_removes_them(dashboard: Service, node: Node) -> None:
    made = send(dashboard, "people/add", names="bob, carl\ndora")
    assert made.status == 200
    assert {name: made.headers[name] for name in policy.PAGE} == policy.PAGE
    passwords = cards(made.body.decode())
    assert set(passwords) == {"bob", "carl", "dora"} == node.members()
    assert f":hash of {passwords['bob']}:" in node.machine.read("etc/shadow")

    again = cards(send(dashboard, "people/password", name="bob").body.decode())
    assert again["bob"] != passwords["bob"]
    assert f":hash of {again['bob']}:" in node.machine.read("etc/shadow")

    question = dashboard.ask("GET", "/people/remove?name=bob", "ada").body.decode()
    assert "Remove bob?" in question
    assert "bob" in node.members()
    assert "Done." in send(dashboard, "people/remove", name="bob").body.decode()
    assert node.members() == {"carl", "dora"}
    assert rows(dashboard, "people") == ["carl", "dora"]
    # what was shown once is nowhere: not with the node, not with the dashboard
    kept = [
        path.read_bytes() for path in dashboard.folder.rglob("*") if path.is_file() and path.name != "shadow"
    ]
    assert not any(word.encode() in text for text in kept for word in [*passwords.values(), *again.values()])


def test_an_admin_adds_packages_and_removes_them(dashboard: Service, node: Node) -> None:
    node.deploy()
    page = send(dashboard, "packages/add", packages="emoji < 2\n\nclick\n").body.decode()
    assert "resolving emoji&lt;2, click" in page
    assert "Done." in page
    assert rows(dashboard, "packages") == ["click", "emoji"]
    assert "unsatisfiable" in send(dashboard, "packages/add", packages="conflict").body.decode()
    assert "no name of a package" in send(dashboard, "packages/add", packages="emoji click").body.decode()
    assert "Done." in send(dashboard, "packages/remove", name="emoji").body.decode()
    assert "Nothing had to be done." in send(dashboard, "packages/remove", name="emoji").body.decode()
    assert rows(dashboard, "packages") == ["click"]


def test_what_cannot_be_is_said_and_who_may_not_is_refused(dashboard: Service, node: Node, hub: Hub) -> None:
    page = send(dashboard, "people/add", names="eve <b>Mallory</b>").body.decode()
    assert "a letter from a to z" in page
    assert "<b>" not in page
    assert cards(page) == {}
    assert "the hub has no user root" in send(dashboard, "people/remove", name="root").body.decode()
    send(dashboard, "people/add", names="bob")
    hidden = dashboard.ask("GET", "/people?names=hidden", "ada")
    assert (hidden.status, b"bob" in hidden.body) == (409, False)

    for user in ("alice", "tess"):  # a learner, and one who only looks on
        for path in ("people", "people/remove?name=bob", "packages"):
            assert dashboard.ask("GET", f"/{path}", user).status == 403
        for path in ACTIONS:
            assert send(dashboard, path, user, names="eve", name="bob", packages="click").status == 403
    # a dashboard that lies about who asks: the node asks the hub itself
    said = list(client.Node(str(node.address)).ask(hub.token("alice"), "users-add", ("eve",)))
    assert [each.message for each in said if each.event == "error"] == [
        "nothing was done: only admins of the hub may ask for this"
    ]
    assert node.members() == {"bob"}


def test_a_node_that_does_not_answer_is_said(make_dashboard: Any, folder: Path) -> None:
    dashboard = make_dashboard(admin=str(folder / "nothing.sock"))
    page = dashboard.ask("GET", "/people", "ada")
    assert page.status == 503
    assert b"no whole answer" in page.body
    assert b"no whole answer" in send(dashboard, "people/add", names="eve").body
