"""Users and groups that are gone are made again with the ids that their files have."""

import itertools
import os

import pytest

from provision.node.resources import User

HOME = "/var/lib/app"
APP = User("app", home=HOME)


def options(machine, program):
    (call,) = machine.calls(program)
    return dict(itertools.pairwise(call))


@pytest.fixture
def home(machine):
    """The folder that tells which ids the user had."""
    machine.path(HOME).mkdir(parents=True)
    return machine.path(HOME)


def test_a_new_user_gets_a_group_of_its_name(machine):
    assert machine.converge([APP]).end["result"] == "done"
    assert options(machine, "useradd")["--gid"] == "app"
    assert "--gid" not in options(machine, "groupadd")
    assert machine.converge([APP]).changed == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives folders away")
def test_a_user_and_its_group_come_back_with_the_ids_of_their_home(machine, home):
    os.chown(home, 4321, 8765)
    machine.converge([APP])
    assert options(machine, "useradd")["--uid"] == "4321"
    assert options(machine, "groupadd")["--gid"] == "8765"


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives folders away")
def test_ids_that_others_have_now_are_not_given_twice(machine, home):
    os.chown(home, 4321, 8765)
    machine.write("etc/passwd", machine.read("etc/passwd") + "other:x:4321:1::/:/bin/sh\n")
    machine.write("etc/group", machine.read("etc/group") + "other:x:8765:\n")
    machine.converge([APP])
    assert "--uid" not in options(machine, "useradd")
    assert "--gid" not in options(machine, "groupadd")


def test_a_group_that_is_gone_comes_back_with_the_id_that_its_user_has(machine):
    machine.write("etc/passwd", machine.read("etc/passwd") + f"app:x:1234:5678::{HOME}:/usr/sbin/nologin\n")
    run = machine.converge([APP])
    assert [change["what"] for change in run.of("resource")[0]["changes"]] == ["create its group"]
    assert options(machine, "groupadd")["--gid"] == "5678"
