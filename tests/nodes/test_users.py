"""Users of a hub are real accounts: the node's own PAM lets them in, and nobody else into their homes."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from provision.errors import Exit
from tests.support import small

pytestmark = pytest.mark.nodes

ARCHIVE = "/var/lib/hub/jupyterhub/archive"


@pytest.fixture
def hub(bare):
    """The bare node; whoever was added to it goes with the test."""
    yield bare
    left = [user["name"] for user in listed(bare)]
    if left:
        bare.done("users", "remove", *left, "--yes", *NODE)
    bare.shell(small.NODE, f"rm -rf {ARCHIVE}")


NODE = ("--node", small.NODE)


def events(done, kind):
    return [event for event in done.events if event["event"] == kind]


def listed(fleet):
    return events(fleet.done("users", "list", *NODE, "--json"), "user")


def added(fleet, *words):
    """Add users; return their passwords by name."""
    done = fleet.done("users", "add", *words, *NODE, "--json")
    return {event["name"]: event["password"] for event in events(done, "account")}


def lets_in(fleet, name, password):
    """Whether PAM does, asked by a program without privileges of its own."""
    return fleet.python(small.NODE, "pam_login", name, stdin=password).strip() == "in"


def test_a_user_can_log_in_at_once_and_nobody_else_enters_the_home(hub):
    words = added(hub, "ann", "bob")
    assert lets_in(hub, "ann", words["ann"])
    assert lets_in(hub, "bob", words["bob"])
    assert not lets_in(hub, "ann", words["bob"])
    hub.shell(small.NODE, "echo work > /home/ann/notes; chown ann: /home/ann/notes")
    looks = "runuser -u bob -- cat /home/ann/notes 2>&1 || true"
    assert "Permission denied" in hub.shell(small.NODE, looks)
    assert hub.shell(small.NODE, "runuser -u ann -- cat /home/ann/notes") == "work\n"
    assert hub.shell(small.NODE, "stat -c '%a %U %G' /home/ann").split() == ["700", "ann", "ann"]
    assert "$y$" in hub.shell(small.NODE, "getent shadow ann")


def test_a_password_is_changed_and_then_the_former_is_none(hub):
    former = added(hub, "ann", "--admin")["ann"]
    done = hub.done("users", "passwd", "ann", *NODE, "--json")
    new = events(done, "account")[0]["password"]
    assert (lets_in(hub, "ann", new), lets_in(hub, "ann", former)) == (True, False)
    assert "hub-admins" in hub.shell(small.NODE, "id -nG ann")
    kept = hub.shell(small.NODE, "cat /var/lib/hubctl/audit.jsonl; journalctl --no-pager")
    assert "users passwd ann" in kept
    assert not any(word in kept for word in (former, new))


def test_a_class_is_imported_with_its_sheet(hub, tmp_path):
    path, sheet = tmp_path / "class.csv", tmp_path / "class.html"
    path.write_text("name;password;admin\ntom;;yes\nann;colons: and äöü;\nbob;;\n")
    hub.done("users", "import", str(path), "--sheet", str(sheet), *NODE)
    cards = dict(
        re.findall(r'Name</dt><dd class="word">(.*?)<.*?class="word">(.*?)<', sheet.read_text(), re.DOTALL)
    )
    assert list(cards) == ["tom", "ann", "bob"]
    assert all(lets_in(hub, name, password) for name, password in cards.items())
    assert [(user["name"], user["admin"], user["server"]) for user in listed(hub)] == [
        ("ann", False, False),
        ("bob", False, False),
        ("tom", True, False),
    ]


def test_names_of_the_system_are_refused_with_their_lines(hub, tmp_path):
    path = tmp_path / "users.txt"
    path.write_text("ann:a good long one\nwww-data:a good long one\nhub-users:a good long one\n")
    done = hub.hubctl("users", "import", str(path), *NODE, "--json")
    assert done.status == Exit.INVENTORY
    assert [event["line"] for event in events(done, "error")] == [2, 3]
    assert listed(hub) == []
    done = hub.hubctl("users", "add", "www-data", *NODE)
    assert (done.status, "account or group of the system" in done.stderr) == (Exit.FAILED, True)


def archive_of(fleet, name):
    """Return the one archive of a user: its path, and what is in it."""
    (path,) = fleet.shell(small.NODE, f"ls {ARCHIVE}/{name}-*.tar.gz").split()
    assert fleet.shell(small.NODE, f"stat -c '%a %U' {path} {ARCHIVE}").split() == [
        "600",
        "root",
        "700",
        "root",
    ]
    return path, fleet.shell(small.NODE, f"tar -tvzf {path}")


@pytest.mark.parametrize("stage", ["", "begun", "stopped", "archived", "deleted", "emptied"])
def test_a_user_is_removed_whole_whenever_the_removal_is_killed(hub, stage):
    password = added(hub, "ann")["ann"]
    hub.shell(
        small.NODE,
        "mkdir -p /srv/exam; echo secret > /srv/exam/answers; cd /home/ann; echo work > notes;"
        "ln -s /srv/exam exam; ln -s /etc/shadow shadow; mkfifo pipe; chown -h ann: *;"
        "systemd-run --quiet --unit=jupyter-ann --uid=ann sleep infinity;"
        "setsid runuser -u ann -- sleep infinity >/dev/null 2>&1 </dev/null &",
    )
    assert listed(hub)[0]["server"] is True
    words = ("users", "remove", "ann", "--yes", *NODE)
    if stage:
        assert hub.hubctl(*words, HUBCTL_FAULT=f"account:ann:{stage}").status != 0
        assert listed(hub)[0]["leaving"] is True
        assert lets_in(hub, "ann", password) == (stage == "begun")
    hub.done(*words)
    assert listed(hub) == []
    assert hub.shell(
        small.NODE, "getent passwd ann; getent group ann; ls -d /home/ann 2>&1; true"
    ).startswith("ls:")
    assert hub.shell(small.NODE, "pgrep -x sleep -u 1000-60000; systemctl is-active jupyter-ann; true") in (
        "inactive\n",
        "failed\n",
    )
    _, packed = archive_of(hub, "ann")
    assert "ann/notes" in packed
    assert "ann/shadow -> /etc/shadow" in packed
    assert "answers" not in packed
    assert hub.shell(small.NODE, "cat /srv/exam/answers") == "secret\n"


def test_one_who_comes_again_is_somebody_else(hub):
    added(hub, "ann")
    left = "echo mine > /var/tmp/anns; chown ann: /var/tmp/anns; chmod 600 /var/tmp/anns"
    former = hub.shell(small.NODE, f"id -u ann; {left}")
    hub.done("users", "remove", "ann", "--yes", *NODE)
    added(hub, "eve")
    assert int(hub.shell(small.NODE, "id -u eve")) > int(former)
    assert "Permission denied" in hub.shell(
        small.NODE, "runuser -u eve -- cat /var/tmp/anns 2>&1; rm /var/tmp/anns"
    )


def test_users_say_what_they_would_do_and_what_was_done(hub):
    added(hub, "ann")
    asked = hub.hubctl("users", "remove", "ann", *NODE)
    assert asked.status == Exit.NOT_ALLOWED
    assert "MB" in asked.stderr
    history = hub.done("history", small.NODE, "--json").stdout
    assert any(json.loads(line).get("command") == "users add ann" for line in history.splitlines())


def enters_by_ssh(fleet, name):
    """Whether the operator's key, put into somebody's home by themselves, opens a shell as them."""
    public = keygen(fleet.key)
    home = f"/home/{name}/.ssh"
    fleet.shell(
        "apis", f"runuser -u {name} -- sh -c 'mkdir -p {home}; cat > {home}/authorized_keys'", stdin=public
    )
    command = [word.replace("root@", f"{name}@") for word in fleet._ssh_command(fleet.key, "apis", ["true"])]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def keygen(key):
    return subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout


def test_a_key_in_the_own_home_is_no_way_around_the_hub(deployed):
    deployed.shell("apis", "useradd --create-home somebody")
    deployed.done("users", "add", "ann", "--node", "apis")
    try:
        assert enters_by_ssh(deployed, "somebody")
        assert not enters_by_ssh(deployed, "ann")
    finally:
        deployed.done("users", "remove", "ann", "--yes", "--node", "apis")
        deployed.shell("apis", f"userdel --remove somebody; rm -rf {ARCHIVE}")
