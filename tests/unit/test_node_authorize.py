"""`authorize` changes who may log in, and nothing else of the file."""

from __future__ import annotations

import os
import stat

from provision.node.ops.authorize import changed
from tests.support.node_engine import Machine

FIRST = "ssh-ed25519 AAAAfirst hubctl-demo"
SECOND = "ssh-ed25519 AAAAsecond hubctl-demo"
OTHERS = '# of the operator\n\nfrom="10.0.0.1" ssh-rsa AAAAother me@laptop'


def keys(machine: Machine) -> str:
    return machine.read("root/.ssh/authorized_keys")


def test_a_key_is_added_beside_the_others_and_another_goes(machine: Machine) -> None:
    machine.write("root/.ssh/authorized_keys", f"{OTHERS}\n{FIRST}\n")
    run = machine.ask("authorize", add=SECOND)
    assert (run.status, run.end["changed"]) == (0, 1)
    assert keys(machine) == f"{OTHERS}\n{FIRST}\n{SECOND}\n"
    assert machine.ask("authorize", add=SECOND, drop=FIRST).end["changed"] == 1
    assert keys(machine) == f"{OTHERS}\n{SECOND}\n"
    assert stat.S_IMODE(machine.path("root/.ssh/authorized_keys").stat().st_mode) == 0o600


def test_what_is_as_it_shall_be_is_not_written(machine: Machine) -> None:
    machine.write("root/.ssh/authorized_keys", f"{FIRST}\n")
    before = machine.path("root/.ssh/authorized_keys").stat().st_ino
    assert machine.ask("authorize", add=FIRST, drop=SECOND).end["changed"] == 0
    assert machine.path("root/.ssh/authorized_keys").stat().st_ino == before


def test_the_first_key_of_a_user_is_theirs_alone(machine: Machine) -> None:
    with machine.path("etc/passwd").open("a") as table:
        table.write(f"ann:x:{os.getuid()}:{os.getgid()}::/home/ann:/bin/sh\n")
    assert machine.ask("authorize", user="ann", add=FIRST).end["changed"] == 1
    folder = machine.path("home/ann/.ssh")
    assert (folder / "authorized_keys").read_text() == f"{FIRST}\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert machine.ask("authorize", user="nobody", add=FIRST).error["code"] == "unknown-account"


def test_a_key_is_the_same_with_options_and_another_comment() -> None:
    lines = ["no-pty ssh-ed25519 AAAAfirst somebody@else", "# AAAA"]
    assert changed(lines, FIRST, "") == lines
    assert changed(lines, "", FIRST) == ["# AAAA"]
    assert changed(lines, "", "") == lines


def test_a_line_without_a_key_is_nobodys() -> None:
    assert changed(["# a comment", "", FIRST], SECOND, FIRST) == ["# a comment", "", SECOND]
