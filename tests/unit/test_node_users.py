"""Users of a hub are accounts of the node: made whole, removed with an archive, whatever is killed in between."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provision.node.resources import Group, HubUsers
from provision.node.users import accounts
from tests.support.node_engine import Machine, Run

WORD = "tamu-rito-keba-nosi"
ARCHIVE = "var/lib/hub/jupyterhub/archive"


def person(name: str, password: str = WORD, admin: bool | None = None) -> dict[str, object]:
    return {"name": name, "password": password, "admin": admin}


def add(machine: Machine, *people: dict[str, object], new: bool = True, **fields: object) -> Run:
    return machine.ask("users-add", users=list(people), new=new, **fields)


def listed(machine: Machine) -> dict[str, dict[str, object]]:
    (data,) = machine.ask("users-list", sizes=True).of("data")
    return {user["name"]: user for user in data["data"]["users"]}


def row(machine: Machine, table: str, name: str) -> list[str]:
    rows = [line.split(":") for line in machine.read(table).splitlines()]
    return next((each for each in rows if each[0] == name), [])


def password(machine: Machine, name: str) -> str:
    return row(machine, "etc/shadow", name)[1].removeprefix("hash of ")


def archives(machine: Machine) -> list[str]:
    return sorted(path.name for path in machine.path(ARCHIVE).glob("*.tar.gz"))


@pytest.fixture
def ann(machine: Machine) -> Machine:
    """A machine with a user who has work in her home, and links that lead out of it."""
    machine.write("etc/skel/.profile", "umask 027\n")
    machine.write("srv/exam", "secret\n")
    assert add(machine, person("ann", admin=True)).status == 0
    machine.write("home/ann/work/notebook.ipynb", "{}")
    machine.path("home/ann/work/exam").symlink_to(machine.path("srv/exam"))
    machine.path("home/ann/srv").symlink_to(machine.path("srv"))
    return machine


def test_a_user_has_an_account_a_home_of_their_own_and_a_password(ann: Machine) -> None:
    home = ann.path("home/ann")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / ".profile").read_text() == "umask 027\n"
    assert home.stat().st_uid == int(row(ann, "etc/passwd", "ann")[2])
    assert password(ann, "ann") == WORD
    assert row(ann, "etc/group", "hub-users")[3] == row(ann, "etc/group", "hub-admins")[3] == "ann"
    assert listed(ann)["ann"] == {
        "name": "ann",
        "admin": True,
        "seen": None,
        "bytes": 4096,
        "server": False,
        "leaving": False,
        "has_password": True,
    }


def test_passwords_are_on_a_pipe_to_the_systems_tool_and_nowhere_else(ann: Machine) -> None:
    again = ann.ask("users-password", users=[person("ann", "another-word")])
    assert password(ann, "ann") == "another-word"
    kept = [path.read_bytes() for path in ann.path("var/lib/hubctl").rglob("*.json*")]
    said = json.dumps(again.events).encode()
    for word in (WORD, "another-word"):
        assert word.encode() not in b"".join([*kept, said, ann.path("fake/calls.jsonl").read_bytes()])


@pytest.mark.parametrize(
    ("name", "word", "why"),
    [
        ("Ann", WORD, "a letter from a to z"),
        ("../root", WORD, "a letter from a to z"),
        ("-rf", WORD, "a letter from a to z"),
        ("a" * 33, WORD, "33 characters"),
        ("root", WORD, "account or group of the system"),
        ("tape", WORD, "account or group of the system"),
        ("eve", "short", "8 to 128"),
        ("eve", "line\nroot:owned", "control character"),
        ("eve", "eve12345", "guessed"),
        ("old", WORD, "/home/old is there already"),
    ],
)
def test_what_cannot_be_is_refused_on_the_node_too_and_nothing_is_changed(
    machine: Machine, name: str, word: str, why: str
) -> None:
    machine.write("etc/group", machine.read("etc/group") + "tape:x:26:\n")
    machine.write("home/old/of-somebody", "")
    run = add(machine, person("bob"), person(name, word))
    assert (run.status, run.error["code"]) == (1, "bad-user")
    assert why in run.error["why"]
    assert word not in json.dumps(run.events)
    assert machine.calls("useradd") == machine.calls("groupadd") == []


def test_one_who_is_there_is_not_added_again_but_is_no_hindrance_to_a_class(ann: Machine) -> None:
    assert add(ann, person("ann", "another-word")).error["code"] == "user-exists"
    run = add(ann, person("ann", "another-word", admin=False), person("bob"), new=False)
    assert run.changed == ["account:ann", "account:bob"]
    assert (password(ann, "ann"), password(ann, "bob")) == (WORD, WORD)
    assert [user["admin"] for user in listed(ann).values()] == [False, False]
    assert add(ann, person("ann"), person("bob"), new=False).changed == []


@pytest.mark.parametrize("stage", ["created", "home"])
def test_a_user_who_was_half_made_is_finished_by_the_same_command(machine: Machine, stage: str) -> None:
    assert add(machine, person("ann", "the-first-word"), fault=f"account:ann:{stage}").killed
    assert add(machine, person("ann", "the-second-word", admin=True)).status == 0
    assert password(machine, "ann") == "the-second-word"
    assert stat.S_IMODE(machine.path("home/ann").stat().st_mode) == 0o700
    assert len(machine.calls("useradd")) == 1


def test_nobody_elses_password_is_set(ann: Machine) -> None:
    run = ann.ask("users-password", users=[person("root"), person("ann", "another-word")])
    assert run.error["code"] == "unknown-user"
    assert password(ann, "ann") == WORD


def members(machine: Machine) -> dict[str, tarfile.TarInfo]:
    (name,) = archives(machine)
    path = machine.path(ARCHIVE) / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        return {member.name: member for member in archive.getmembers()}


def removed_whole(machine: Machine) -> None:
    """Assert that Ann is gone, her work is archived once, and what she linked to is there."""
    found = members(machine)
    assert found["ann/work/notebook.ipynb"].isfile()
    assert found["ann/work/exam"].issym()
    assert found["ann/srv"].issym()
    assert not any(name.startswith("ann/srv/") for name in found)
    assert machine.read("srv/exam") == "secret\n"
    assert not machine.path("home/ann").exists()
    assert row(machine, "etc/passwd", "ann") == []
    assert listed(machine) == {}


def test_who_is_removed_is_shut_out_and_archived_first(ann: Machine) -> None:
    run = ann.ask("users-remove", names=["ann"])
    assert run.status == 0
    (change,) = run.of("resource")
    assert change["changes"][0]["what"] == "remove"
    removed_whole(ann)
    assert ann.ask("users-remove", names=["ann"]).error["code"] == "unknown-user"


@pytest.mark.parametrize("stage", ["begun", "stopped", "archived", "deleted", "emptied"])
def test_a_removal_that_is_killed_is_finished_by_the_same_command(ann: Machine, stage: str) -> None:
    assert ann.ask("users-remove", names=["ann"], fault=f"account:ann:{stage}").killed
    assert listed(ann)["ann"]["leaving"] is True
    refused = add(ann, person("ann"), new=False)
    assert "`hubctl users remove ann` carries on" in refused.error["why"]
    assert ann.ask("users-remove", names=["ann"]).status == 0
    removed_whole(ann)
    assert len(ann.calls("userdel")) == 1


def test_a_home_that_cannot_be_archived_stays(ann: Machine) -> None:
    ann.write("fake/tar-fails", "")
    run = ann.ask("users-remove", names=["ann"])
    assert (run.error["code"], "the disk says no" in run.error["why"]) == ("archive-failed", True)
    assert ann.path("home/ann/work/notebook.ipynb").exists()
    assert [path.suffix for path in ann.path(ARCHIVE).iterdir()] == [".json"]
    ann.path("fake/tar-fails").unlink()
    assert ann.ask("users-remove", names=["ann"]).status == 0
    removed_whole(ann)


def test_a_home_that_is_a_link_is_left_alone(ann: Machine) -> None:
    ann.path("home/ann").rename(ann.path("home/moved"))
    ann.path("home/ann").symlink_to(ann.path("srv"))
    run = ann.ask("users-remove", names=["ann"])
    assert run.error["code"] == "home-is-no-folder"
    assert ann.read("srv/exam") == "secret\n"
    assert row(ann, "etc/passwd", "ann")


def test_a_server_is_stopped_before_its_home_is_packed(ann: Machine) -> None:
    unit = "jupyter-ann.service"
    ann.write(f"etc/systemd/system/{unit}", "[Service]\nExecStart=/bin/true\n")
    ann.write("fake/units.json", json.dumps({unit: {"active": "active", "loaded": None}}))
    assert listed(ann)["ann"]["server"] is True
    assert ann.ask("users-remove", names=["ann"]).actions == [(unit, "stop")]


def test_the_number_of_a_removed_account_is_nobody_elses(ann: Machine) -> None:
    add(ann, person("bob"))
    first = [call[call.index("--uid") + 1] for call in ann.calls("useradd")]
    assert first[0] == "1000"
    note = ann.write(f"{ARCHIVE}/eve-20260101T000000Z.json", '{"name": "eve", "uid": 1234, "done": true}')
    add(ann, person("dan"))
    assert ann.calls("useradd")[-1][ann.calls("useradd")[-1].index("--uid") + 1] == "1235"
    note.write_text("{")
    assert add(ann, person("fay")).error["code"] == "removal-damaged"


@pytest.mark.parametrize("mend", ["deploy", "add"])
def test_groups_that_are_deleted_come_back_with_whoever_was_in_them(ann: Machine, mend: str) -> None:
    add(ann, person("bob"), person("eve"))
    ann.ask("users-remove", names=["eve"])
    rows = ann.read("etc/group").splitlines(keepends=True)
    ann.write("etc/group", "".join(row for row in rows if not row.startswith("hub-")))
    assert listed(ann) == {}
    if mend == "deploy":
        groups = [Group(name, accounts.MEMBERS) for name in (accounts.USERS, accounts.ADMINS)]
        assert ann.converge(groups).end["changed"] == 2
        assert ann.converge(groups).changed == []
    else:
        add(ann, person("dan"))
    assert {"ann": True, "bob": False}.items() <= {n: u["admin"] for n, u in listed(ann).items()}.items()


NAMED = HubUsers(admins=("tom",), users=("ann", "bob"))


def rights(machine: Machine) -> dict[str, tuple[object, object]]:
    """Return who is an admin, and who has a password."""
    return {name: (user["admin"], user["has_password"]) for name, user in listed(machine).items()}


def test_whoever_the_inventory_names_has_an_account_and_a_deploy_sets_no_password(ann: Machine) -> None:
    add(ann, person("eve", admin=True))
    run = ann.converge([NAMED])
    (change,) = [each for each in run.of("resource") if each["status"] == "changed"]
    assert [each["what"] for each in change["changes"]] == [
        "tom: make the account, without a password",
        "tom: make an admin",
        "ann: no admin any more",
        "bob: make the account, without a password",
    ]
    assert rights(ann) == {
        "ann": (False, True),
        "bob": (False, False),
        "eve": (True, True),
        "tom": (True, False),
    }
    assert len(ann.calls("chpasswd")) == 2
    ann.forget_calls()
    assert ann.converge([NAMED]).changed == []
    assert not ann.path("fake/calls.jsonl").exists() or ann.read("fake/calls.jsonl") == ""
    # Who is named no more stays as they are.
    assert ann.converge([HubUsers(users=("ann",))]).changed == []
    assert "tom" in listed(ann)


def test_who_was_made_by_a_deploy_gets_a_password_by_any_command_that_sets_one(machine: Machine) -> None:
    machine.converge([NAMED])
    machine.ask("users-password", users=[person("tom")])
    add(machine, person("ann"), new=True)
    add(machine, person("bob", "another-word"), new=False)
    assert [password(machine, name) for name in ("tom", "ann", "bob")] == [WORD, WORD, "another-word"]
    assert rights(machine)["tom"] == (True, True)


@pytest.mark.parametrize("stage", ["created", "home"])
def test_a_deploy_that_is_killed_while_it_makes_users_is_finished_by_the_next(
    machine: Machine, stage: str
) -> None:
    assert machine.converge([NAMED], fault=f"hub-users:inventory:{stage}").killed
    assert machine.converge([NAMED]).status == 0
    assert machine.converge([NAMED]).changed == []
    assert rights(machine) == {"ann": (False, False), "bob": (False, False), "tom": (True, False)}
    assert all(machine.path(f"home/{name}").is_dir() for name in rights(machine))


def test_of_the_inventorys_users_nobody_is_made_where_one_cannot_be(machine: Machine) -> None:
    machine.write("etc/group", machine.read("etc/group") + "tape:x:26:\n")
    run = machine.converge([HubUsers(users=("ann", "tape"))])
    assert (run.error["code"], "tape: is the name of an account" in run.error["why"]) == ("bad-user", True)
    assert machine.calls("useradd") == []


def test_admins_are_made_and_unmade_while_the_hub_runs(ann: Machine) -> None:
    add(ann, person("bob"))
    assert ann.ask("users-admin", names=["ann", "bob"], admin=True).changed == ["account:bob"]
    assert ann.ask("users-admin", names=["ann"], admin=False).changed == ["account:ann"]
    assert {name: admin for name, (admin, _) in rights(ann).items()} == {"ann": False, "bob": True}
    noted = json.loads(ann.read("var/lib/hub/jupyterhub/members.json"))
    assert noted[accounts.ADMINS] == ["bob"]
    assert ann.ask("users-admin", names=["root", "bob"], admin=False).error["code"] == "unknown-user"
    assert rights(ann)["bob"][0] is True


class Hub(ThreadingHTTPServer):
    """A hub that lets go of its users when their servers have stopped, which takes it one question."""

    def __init__(self, machine: Machine) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.answers = [400, 204]
        super().__init__(("127.0.0.1", 0), _Answers)
        settings = {"hub_itself": f"http://127.0.0.1:{self.server_port}", "state": "/var/lib/hub/jupyterhub"}
        machine.write("etc/jupyterhub/settings.json", json.dumps(settings))
        machine.write("var/lib/hub/jupyterhub/users.token", "the-token\n")


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_DELETE(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(ann: Machine) -> Iterator[Hub]:
    with Hub(ann) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def test_the_hub_forgets_who_is_removed_and_whoever_had_a_new_users_name(ann: Machine, hub: Hub) -> None:
    assert ann.ask("users-remove", names=["ann"]).status == 0
    assert hub.asked == [("/hub/api/users/ann", "token the-token")] * 2
    assert add(ann, person("ann")).status == 0
    assert len(hub.asked) == 3


def test_a_hub_that_refuses_is_said_and_the_home_stays(ann: Machine, hub: Hub) -> None:
    hub.answers = [403]
    assert ann.ask("users-remove", names=["ann"]).error["code"] == "hub-refused"
    assert ann.path("home/ann/work").exists()
    assert ann.ask("users-remove", names=["ann"]).status == 0


def test_a_hub_that_is_down_is_not_waited_for(ann: Machine) -> None:
    with Hub(ann):
        pass
    assert ann.ask("users-remove", names=["ann"]).status == 0


def test_the_list_tells_when_the_hub_saw_its_users_last(ann: Machine, hub: Hub) -> None:
    with sqlite3.connect(ann.path("var/lib/hub/jupyterhub/jupyterhub.sqlite")) as database:
        database.execute("CREATE TABLE users (name TEXT, last_activity DATETIME)")
        database.execute("INSERT INTO users VALUES ('ann', '2026-11-29 20:15:00.000001'), ('bob', NULL)")
    database.close()
    add(ann, person("bob"))
    assert [user["seen"] for user in listed(ann).values()] == ["2026-11-29T20:15:00Z", None]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_all_of_a_new_home_is_its_users(ann: Machine) -> None:
    uid = int(row(ann, "etc/passwd", "ann")[2])
    assert uid != 0
    assert ann.path("home/ann/.profile").stat().st_uid == uid
