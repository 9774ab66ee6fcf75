"""`hubctl users`: the command line and the engine on a machine in a folder; only the line between them is missing."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from provision.errors import Exit
from provision.node.resources import HubUsers
from tests.support.hub_users import Desk
from tests.support.node_engine import Machine

WORD = re.compile(r"(?:[a-z]{4}-){3}[a-z]{4}")


@pytest.fixture
def desk(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, machine, monkeypatch)


def password(desk: Desk, name: str) -> str:
    rows = [line.split(":") for line in desk.machine.read("etc/shadow").splitlines()]
    return next(row[1].removeprefix("hash of ") for row in rows if row[0] == name)


def members(desk: Desk, group: str = "hub-users") -> list[str]:
    rows = [line.split(":") for line in desk.machine.read("etc/group").splitlines()]
    return next((sorted(row[3].split(",")) for row in rows if row[0] == group), [])


def accounts(stdout: str) -> dict[str, dict[str, object]]:
    events = [json.loads(line) for line in stdout.splitlines()]
    return {event["name"]: event for event in events if event["event"] == "account"}


def test_passwords_are_made_and_shown_once(desk: Desk) -> None:
    done = desk.users("add", "ann", "bob", "--admin")
    assert done.exit_code == 0, done.output
    for name in ("ann", "bob"):
        assert WORD.fullmatch(password(desk, name))
        assert done.output.count(password(desk, name)) == 1
    assert members(desk, "hub-admins") == ["ann", "bob"]
    assert password(desk, "ann") not in desk.users("list").output


def test_a_program_gets_them_in_the_event_of_the_account(desk: Desk) -> None:
    done = desk.users("add", "ann", "--json")
    assert accounts(done.stdout)["ann"]["password"] == password(desk, "ann")
    assert password(desk, "ann") not in done.stderr


def test_a_password_that_is_given_is_shown_nowhere(desk: Desk) -> None:
    for verb in ("add", "passwd"):
        done = desk.users(verb, "ann", "--password-stdin", "--json", stdin=f"{verb}, a good one\n")
        assert password(desk, "ann") == f"{verb}, a good one"
        assert "a good one" not in done.output
        assert "password" not in accounts(done.stdout)["ann"]


@pytest.mark.parametrize(
    ("words", "code", "cure"),
    [
        (["add", "Änn Müller"], "bad-name", "did you mean `ann-muller`?"),
        (["add", "ann@example.org", "7of9"], "bad-name", "did you mean `ann of9`?"),
        (["add", "task_api"], "bad-name", "did you mean `task-api`?"),
        (["add", "proxy"], "bad-name", "in another way"),
        (["add", "ann", "bob", "--password-stdin"], "bad-option", "let passwords be made"),
        (["add", "ann", "--password-stdin"], "bad-password", "or none: hubctl makes one"),
        (["list", "--node", "bax"], "unknown-node", "did you mean `box`?"),
    ],
)
def test_what_cannot_be_is_refused_with_the_nearest_cure(
    desk: Desk, words: list[str], code: str, cure: str
) -> None:
    done = desk.users(*words, stdin="short")
    assert done.exit_code in (Exit.USAGE, Exit.INVENTORY)
    assert code in done.output
    assert cure in done.output
    assert desk.machine.calls("useradd") == []


def test_without_a_hub_in_the_inventory_its_node_is_asked_for(desk: Desk) -> None:
    from typer.testing import CliRunner

    from provision.cli import app

    done = CliRunner().invoke(app, ["users", "list"])
    assert (done.exit_code, "no-hub" in done.output) == (Exit.USAGE, True)


CLASS = """\
name,admin,password
# the trainers
tom,yes,
ann,,
bob,no,"a good, long one"
"""


def test_a_class_comes_from_a_file_and_goes_on_a_sheet(desk: Desk) -> None:
    (desk.folder / "class.csv").write_text(CLASS)
    sheet = desk.folder / "class.html"
    done = desk.users("import", str(desk.folder / "class.csv"), "--sheet", str(sheet), "--json")
    assert done.exit_code == 0, done.output
    assert (members(desk), members(desk, "hub-admins")) == (["ann", "bob", "tom"], ["tom"])
    assert password(desk, "bob") == "a good, long one"
    text = sheet.read_text()
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    for name in ("ann", "bob", "tom"):
        assert f">{name}<" in text
        assert f">{password(desk, name)}<" in text
        assert password(desk, name) not in done.output
    assert not re.search(r"https?:|src=|href=|url\(", text)


def test_a_second_import_adds_who_is_new_and_says_who_was_there(desk: Desk) -> None:
    desk.users("add", "ann")
    before = password(desk, "ann")
    (desk.folder / "users.txt").write_text("ann:another word\nbob:good, and more\n")
    done = desk.users("import", str(desk.folder / "users.txt"))
    assert "with the passwords that they have: ann\n" in done.output
    assert (password(desk, "ann"), password(desk, "bob")) == (before, "good, and more")


def test_all_mistakes_of_a_file_are_told_with_their_lines_before_anything_is_changed(desk: Desk) -> None:
    desk.machine.write("etc/group", desk.machine.read("etc/group") + "tape:x:26:\n")
    path = desk.folder / "class.csv"
    path.write_text("name,admin,password\nAnn,,\nbob,perhaps,\nbob,,\nbob,,\neve,,short\ndan,,,more\n")
    done = desk.users("import", str(path), "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == Exit.INVENTORY
    assert [(error["code"], error["line"]) for error in told] == [("bad-user", n) for n in (2, 3, 5, 6, 7)]
    assert {error["file"] for error in told} == {str(path)}
    path.write_text("tape\nann\nroot\n")
    done = desk.users("import", str(path))
    assert f"{path}:1:1: error" in done.output
    assert f"{path}:3:1: error" in done.output
    assert desk.machine.calls("useradd") == []


def test_a_sheet_never_replaces_another(desk: Desk) -> None:
    sheet = desk.folder / "class.html"
    sheet.write_text("the passwords of the last class")
    done = desk.users("add", "ann", "--sheet", str(sheet))
    assert (done.exit_code, "file-exists" in done.output) == (Exit.USAGE, True)
    assert desk.machine.calls("useradd") == []
    assert sheet.read_text() == "the passwords of the last class"


def test_a_sheet_holds_who_was_made_and_nobody_else(desk: Desk) -> None:
    desk.users("add", "ann")
    sheet = desk.folder / "class.html"
    assert desk.users("add", "ann", "bob", "--sheet", str(sheet)).exit_code == Exit.FAILED
    assert not sheet.exists()


def test_where_the_line_is_lost_the_sheet_keeps_all_that_may_have_been_set(desk: Desk) -> None:
    desk.cut = lambda event: event["event"] == "end"
    sheet = desk.folder / "class.html"
    done = desk.users("add", "ann", "bob", "--sheet", str(sheet))
    assert done.exit_code == Exit.UNREACHABLE
    for name in ("ann", "bob"):
        assert f">{password(desk, name)}<" in sheet.read_text()


def test_removing_asks_and_says_what_goes(desk: Desk) -> None:
    desk.users("add", "ann", "bob")
    asked = desk.users("remove", "ann")
    assert asked.exit_code == Exit.NOT_ALLOWED
    assert "`hubctl users remove ann --node box --yes`" in asked.output
    assert members(desk) == ["ann", "bob"]
    done = desk.users("remove", "ann", "--yes")
    assert re.search(r"ann: remove, archive /var/lib/hub/jupyterhub/archive/ann-\S+\.tar\.gz", done.output)
    assert members(desk) == ["bob"]
    unknown = desk.users("remove", "bib")
    assert "did you mean `bob`?" in unknown.output


def in_inventory(desk: Desk, keys: str) -> None:
    """Let the inventory name people of the node's hub."""
    node = "box: {size: s-1vcpu-2gb, image: debian-13-x64"
    text = (desk.folder / "lab.yml").read_text()
    hub = f"services: {{jupyterhub: {{hostname: hub, {keys}}}}}"
    (desk.folder / "lab.yml").write_text(text.replace(node, f"{node}, {hub}"))


def test_an_admin_is_made_and_unmade(desk: Desk) -> None:
    desk.users("add", "ann", "bob")
    assert "ann: make an admin\n" in desk.users("admin", "ann").output
    assert members(desk, "hub-admins") == ["ann"]
    assert "admins already: ann\n" in desk.users("admin", "ann").output
    assert "ann: no admin any more\n" in desk.users("admin", "ann", "--no").output
    assert members(desk, "hub-admins") in ([], [""])
    assert desk.users("admin", "eve").exit_code == Exit.FAILED


@pytest.mark.parametrize(
    ("words", "column", "cure"),
    [
        (["remove", "ann", "--yes"], 112, "take the name out of `users`"),
        (["admin", "ann"], 112, "move the name from `users` to `admins`"),
        (["add", "ann", "--admin"], 112, "move the name from `users` to `admins`"),
        (["admin", "tom", "--no"], 98, "move the name from `admins` to `users`"),
    ],
)
def test_what_the_next_deploy_would_undo_is_refused_with_its_place(
    desk: Desk, words: list[str], column: int, cure: str
) -> None:
    desk.users("add", "tom", "--admin")
    in_inventory(desk, "admins: [tom], users: [ann]")
    done = desk.users(*words)
    assert done.exit_code == Exit.INVENTORY, done.output
    assert f"lab.yml:7:{column}: error: " in done.output
    assert cure in done.output
    assert (members(desk), members(desk, "hub-admins")) == (["tom"], ["tom"])


def test_who_is_in_the_inventory_can_be_given_what_it_gives_them(desk: Desk) -> None:
    in_inventory(desk, "admins: [tom], users: [ann]")
    desk.machine.converge([HubUsers(("tom",), ("ann",))])
    listed = desk.users("list").output
    assert "no password yet: `hubctl users passwd ann tom`\n" in listed
    assert desk.users("passwd", "tom").exit_code == desk.users("add", "ann").exit_code == 0
    assert members(desk, "hub-admins") == ["tom"]
    assert "no password yet" not in desk.users("list").output


def test_the_list_says_whom_the_inventory_names_and_who_is_still_to_be_made(desk: Desk) -> None:
    desk.users("add", "ann", "bob")
    in_inventory(desk, "admins: [tom], users: [ann]")
    done = desk.users("list")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert (rows["ann"].rstrip().endswith("inventory"), "inventory" in rows["bob"]) == (True, False)
    assert "not made yet: tom; `hubctl deploy box`\n" in done.output


def test_the_list_says_who_is_who(desk: Desk) -> None:
    desk.users("add", "tom", "--admin")
    desk.users("add", "ann")
    rows = [line.split() for line in desk.users("list").stdout.splitlines()]
    assert ["tom", "admin", "never", "0.0", "MB"] in rows
    listed = [json.loads(line) for line in desk.users("list", "--json").stdout.splitlines()]
    users = [event for event in listed if event["event"] == "user"]
    assert [(user["name"], user["admin"], user["bytes"]) for user in users] == [
        ("ann", False, 4096),
        ("tom", True, 4096),
    ]
