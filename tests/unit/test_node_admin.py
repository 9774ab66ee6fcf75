"""What admins of a hub ask for in the browser: let through for them alone, and done as operators' commands do it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from provision.node.admin import MOST_BYTES, MOST_NAMES, read
from provision.node.errors import NodeError
from provision.node.resources import HubUsers, PythonEnv
from provision.node.users.places import PACKAGES
from tests.support.node_engine import Machine, Run, frame

ENTERS = "access:services!service=dashboard"
OWNERS = {
    "of-tess": {"kind": "user", "name": "tess", "admin": True, "scopes": [ENTERS]},
    "of-anna": {"kind": "user", "name": "anna", "admin": False, "scopes": [ENTERS]},
    # What somebody's server gets when tess opens it: it says who she is, and must not open more.
    "of-a-server": {"kind": "user", "name": "tess", "admin": True, "scopes": ["access:servers!user=anna"]},
    "of-a-service": {"kind": "service", "name": "setup", "admin": True, "scopes": ["access:services"]},
    "of-nonsense": ["tess"],
}


class Hub(BaseHTTPRequestHandler):
    """Says whose a token is."""

    def do_GET(self) -> None:
        owner = OWNERS.get(self.headers["Authorization"].removeprefix("token "))
        self.send_response(200 if owner else 403)
        self.end_headers()
        self.wfile.write(json.dumps(owner).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def node(machine: Machine) -> Iterator[Machine]:
    """A machine with a hub, its trainer tess and the learner anna."""
    people = {"tess": 1001, "anna": 1002}
    for table, row in (
        ("passwd", "{name}:x:{number}:{number}::/home/{name}:/bin/bash"),
        ("group", "{name}:x:{number}:"),
        ("shadow", "{name}:hash of {name}:20000:0:99999:7:::"),
    ):
        rows = (row.format(name=name, number=number) + "\n" for name, number in people.items())
        path = machine.path(f"etc/{table}")
        path.write_text((path.read_text() if path.exists() else "") + "".join(rows))
    machine.write(
        "etc/group", machine.read("etc/group") + "hub-users:x:990:tess,anna\nhub-admins:x:991:tess\n"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        machine.write(
            "etc/jupyterhub/settings.json", json.dumps({"hub": f"http://127.0.0.1:{server.server_port}"})
        )
        machine.write("etc/jupyterhub/reserved.json", '["task_api"]')
        yield machine
        server.shutdown()


def send(node: Machine, request: Any) -> Run:
    text = request if isinstance(request, bytes) else json.dumps(request).encode()
    process = node.start("admin")
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(frame(text))
        process.stdin.flush()
        events = tuple(map(json.loads, process.stdout))
        return Run(process.wait(60), events)
    finally:
        process.stdin.close()
        process.stdout.close()


def ask(node: Machine, do: str, *names: str, token: str = "of-tess") -> Run:
    return send(node, {"do": do, "names": names, "token": token})


def hashed(node: Machine, name: str) -> str:
    return next(line.split(":")[1] for line in node.read("etc/shadow").splitlines() if line.startswith(name))


def users(node: Machine) -> dict[str, dict[str, Any]]:
    (data,) = ask(node, "users-list").of("data")
    return {user["name"]: user for user in data["data"]["users"]}


def test_people_are_added_get_another_password_and_are_removed(node: Machine) -> None:
    made = ask(node, "users-add", "bob", "carl", "bob")
    assert (made.status, made.changed) == (0, ["account:bob", "account:carl"])
    (passwords,) = made.of("passwords")
    assert hashed(node, "bob") == f"hash of {passwords['passwords']['bob']}"
    assert users(node)["bob"]["admin"] is False

    (again,) = ask(node, "users-password", "bob").of("passwords")
    assert again["passwords"]["bob"] != passwords["passwords"]["bob"]
    assert hashed(node, "bob") == f"hash of {again['passwords']['bob']}"

    assert ask(node, "users-remove", "bob").changed == ["account:bob"]
    assert set(users(node)) == {"tess", "anna", "carl"}
    log = node.read("var/lib/hubctl/audit.jsonl")
    last = json.loads(log.splitlines()[-1])
    assert (last["who"], last["from"]) == ("tess (admin of the hub)", "dashboard")
    assert last["command"] == "users remove bob"
    said = log + node.read("fake/calls.jsonl")
    assert not any(word in said for run in (passwords, again) for word in run["passwords"].values())


@pytest.mark.parametrize("token", sorted({*OWNERS, "of-nobody", ""} - {"of-tess"}))
def test_nobody_but_an_admin_with_a_token_for_the_dashboard_is_served(node: Machine, token: str) -> None:
    before = node.tree()
    refused = ask(node, "users-add", "eve", token=token)
    assert (refused.status, refused.error["code"]) == (1, "not-an-admin")
    assert {event["event"] for event in refused.events} == {"error", "end"}
    assert node.tree() == before


def test_a_hub_that_is_away_lets_nobody_in(node: Machine) -> None:
    node.write("etc/jupyterhub/settings.json", '{"hub": "http://127.0.0.1:1"}')
    assert ask(node, "users-add", "eve").error["code"] == "hub-away"
    assert "eve" not in node.read("etc/passwd")


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 50_000,
        {"do": "converge", "token": "of-tess", "names": []},
        {"do": ["users-add"], "token": "of-tess", "names": []},
        {"do": "users-add", "token": "of-tess", "names": "eve"},
        {"do": "users-add", "token": "of-tess", "names": [{"name": "eve", "admin": True}]},
        {"do": "users-add", "token": "of-tess", "names": ["eve"], "admin": True},
        {"do": "users-add", "token": "of-tess", "names": ["eve\nroot:owned"]},
        {"do": "users-add", "token": "of-tess", "names": [f"u{number}" for number in range(MOST_NAMES + 1)]},
        {"do": "users-add", "token": "of-tess\r\nX: y", "names": ["eve"]},
        {"do": "users-add", "token": 7, "names": ["eve"]},
        {"do": "users-add", "names": ["eve"]},
    ],
)
def test_what_is_no_request_is_refused(request_: Any) -> None:
    with pytest.raises(NodeError) as refused:
        read(request_ if isinstance(request_, bytes) else json.dumps(request_).encode())
    assert refused.value.code == "bad-request"
    assert "of-tess" not in f"{refused.value} {refused.value.why}"


def test_what_is_too_long_is_not_read(node: Machine) -> None:
    process = node.start("admin")
    said, _ = process.communicate((MOST_BYTES + 1).to_bytes(8, "big"), timeout=60)
    assert process.returncode == 1
    assert b"too long" in said


@pytest.mark.parametrize("do", ["users-password", "users-remove"])
def test_who_looks_after_others_is_left_to_the_operator(node: Machine, do: str) -> None:
    before = hashed(node, "tess")
    assert ask(node, do, "anna", "tess").error["code"] == "is-admin"
    assert hashed(node, "tess") == before
    assert set(users(node)) == {"tess", "anna"}


def test_whom_the_inventory_names_is_not_removed_here(node: Machine) -> None:
    assert node.converge([HubUsers(users=("anna", "zoe"))]).status == 0
    refused = ask(node, "users-remove", "anna")
    assert (refused.error["code"], "the operator" in refused.error["why"]) == ("in-inventory", True)
    (made,) = ask(node, "users-password", "zoe").of("passwords")
    assert hashed(node, "zoe") == f"hash of {made['passwords']['zoe']}"


def test_an_admin_of_the_inventory_gets_the_first_password_of_the_operator_too(node: Machine) -> None:
    assert node.converge([HubUsers(admins=("tess", "zoe"))]).status == 0
    before = hashed(node, "zoe")
    assert ask(node, "users-add", "bob", "zoe").error["code"] == "is-admin"
    assert hashed(node, "zoe") == before
    assert "bob" not in users(node)


@pytest.mark.parametrize(
    ("name", "code"),
    [("task_api", "bad-user"), ("Eve", "bad-user"), ("root", "bad-user"), ("anna", "user-exists")],
)
def test_names_that_cannot_be_are_refused_as_the_command_does(node: Machine, name: str, code: str) -> None:
    refused = ask(node, "users-add", "eve", name)
    assert refused.error["code"] == code
    assert set(users(node)) == {"tess", "anna"}


USERS = "/opt/hub/jupyterhub/users"
UV = "/opt/hub/uv/bin/uv"


@pytest.fixture
def hub(node: Machine) -> Machine:
    """The machine, deployed with what its users can import."""
    node.write(UV, "")
    assert node.converge([environment("jupyterlab")]).status == 0
    return node


def environment(*names: str) -> PythonEnv:
    return PythonEnv(USERS, "".join(pin(name) for name in names), UV, PACKAGES)


def pin(name: str) -> str:
    return f"{name}==1.0 \\\n    --hash=sha256:{'0' * 64}\n"


def installed(node: Machine) -> str:
    return node.read(f"{USERS}/requirements.txt")


def packages(node: Machine) -> dict[str, str]:
    (data,) = ask(node, "packages-list").of("data")
    assert [each["name"] for each in data["data"]["others"]] == ["jupyterlab"]
    return {each["name"]: each["asked"] for each in data["data"]["added"]}


def test_packages_are_added_beside_what_the_operator_wants_and_removed(hub: Machine) -> None:
    first = hub.path(USERS).resolve()
    assert ask(hub, "packages-add", "Emoji < 2", "click").changed == [f"python-env:{USERS}"]
    assert packages(hub) == {"click": "click", "emoji": "Emoji<2"}
    assert installed(hub) == pin("jupyterlab") + pin("Emoji") + pin("click")
    assert first.exists()
    assert hub.converge([environment("jupyterlab")]).changed == []
    # a deploy that wants other packages has them, and those that were added here
    hub.converge([environment("jupyterlab", "numpy")])
    assert installed(hub) == "".join(map(pin, ("jupyterlab", "numpy", "Emoji", "click")))
    hub.converge([environment("jupyterlab")])

    assert ask(hub, "packages-remove", "emoji", "never-asked-for").changed == [f"python-env:{USERS}"]
    assert packages(hub) == {"click": "click"}
    ask(hub, "packages-remove", "click")
    assert (packages(hub), installed(hub)) == ({}, pin("jupyterlab"))
    assert not hub.path(PACKAGES).exists()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("conflict", "packages-conflict"),
        ("unreachable", "install-failed"),
        ("emoji @ https://example.org/emoji.whl", "bad-package"),
        ("--index-url=https://example.org", "bad-package"),
        ("emoji click", "bad-package"),
        ("./emoji", "bad-package"),
    ],
)
def test_packages_that_cannot_be_had_change_nothing(hub: Machine, asked: str, code: str) -> None:
    ask(hub, "packages-add", "click")
    before = installed(hub), hub.read(PACKAGES)
    assert ask(hub, "packages-add", asked).error["code"] == code
    assert (installed(hub), hub.read(PACKAGES)) == before


def test_what_a_deploy_left_due_is_left_to_the_next_one(hub: Machine) -> None:
    due = {"format": 1, "pending": {"unit:a.service": {"restart": ["file:/etc/a"]}}}
    switch = {"switches": {"dashboard": {"release": "b", "former": "a"}}}
    hub.write("var/lib/hubctl/journal.json", json.dumps({**due, **switch}))
    added = ask(hub, "packages-add", "click")
    assert (added.status, added.end["pending"]) == (0, ["unit:a.service"])
    assert json.loads(hub.read("var/lib/hubctl/journal.json"))["switches"] == switch["switches"]


def test_packages_that_cannot_be_installed_are_asked_for_no_more(hub: Machine) -> None:
    hub.write("fake/install-fails", "")
    assert ask(hub, "packages-add", "click").error["code"] == "install-failed"
    assert (packages(hub), installed(hub)) == ({}, pin("jupyterlab"))


def test_a_node_without_a_hub_has_no_packages_to_add(node: Machine) -> None:
    for do in ("packages-list", "packages-add"):
        assert ask(node, do, "click").error["code"] == "not-deployed"
