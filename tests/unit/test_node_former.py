"""A program whose place another has now ends, where hubctl had set it up."""

import json

import pytest

from provision.node.resources import File, Former, Unit

UNIT = "/etc/systemd/system/old.service"
TEXT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
MARK, WELCOME, SETTINGS = "/etc/old/hubctl.conf", "/etc/old/welcome.conf", "/etc/old/main.conf"
PLAN = [File(UNIT, TEXT), File(SETTINGS, "main\n"), File(MARK, "mark\n"), Unit("old.service")]
GONE = [Former("old", MARK, WELCOME, ("old.service", "never.service"), (SETTINGS, UNIT))]


@pytest.fixture
def serving(machine):
    assert machine.converge(PLAN).end["result"] == "done"
    return machine


def active(machine):
    return [
        name
        for name, unit in json.loads(machine.read("fake/units.json")).items()
        if unit["active"] == "active"
    ]


def test_it_ends_and_its_files_go(serving):
    run = serving.converge(GONE)
    assert run.changed == ["former:old"]
    assert active(serving) == []
    assert not any(serving.path(path.lstrip("/")).exists() for path in (MARK, SETTINGS, UNIT))
    assert serving.converge(GONE).changed == []


def test_what_somebody_else_has_set_up_is_left_alone(serving):
    serving.path(MARK.lstrip("/")).unlink()
    assert serving.converge(GONE).changed == []
    assert active(serving) == ["old.service"]
    assert serving.read(SETTINGS.lstrip("/")) == "main\n"


def test_what_nobody_has_set_up_ends_and_its_files_stay(serving):
    serving.path(MARK.lstrip("/")).rename(serving.path(WELCOME.lstrip("/")))
    assert serving.converge(GONE).changed == ["former:old"]
    assert active(serving) == []
    assert serving.read(SETTINGS.lstrip("/")) == "main\n"
    assert serving.converge(GONE).changed == []


def test_a_node_that_never_had_it_has_nothing_to_do(machine):
    assert machine.converge(GONE).changed == []


@pytest.mark.parametrize("stage", ["before", "journaled", "stopped"])
def test_a_run_that_is_killed_is_carried_on(serving, stage):
    assert serving.converge(GONE, fault=f"former:old:{stage}").status != 0
    assert serving.converge(GONE).end["result"] == "done"
    assert active(serving) == []
    assert not serving.path(MARK.lstrip("/")).exists()
