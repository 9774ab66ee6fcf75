"""A bundled service that the inventory has no more ends on the node, and may come back."""

import json

import pytest

from provision.node.resources import File, Release, Retired, Unit, User
from tests.unit.test_node_release import BLOBS, LOCK, NAME, WEB

UNITS = "/etc/systemd/system"
PLAN = [
    User("app"),
    File(f"{UNITS}/app.socket", "[Socket]\nListenStream=/run/app.sock\n[Install]\nWantedBy=sockets.target\n"),
    File(f"{UNITS}/app@.service", WEB),
    File(f"{UNITS}/app-worker@.service", WEB),
    File(f"{UNITS}/apple.service", WEB),
    Unit("apple.service"),
    Release("app", "a1", NAME, LOCK, "{}", "/opt/uv", web="app", workers=("app-worker",)),
]
GONE = [Retired("app")]


@pytest.fixture
def serving(machine):
    assert machine.converge(PLAN, blobs=BLOBS).end["result"] == "done"
    return machine


def running(machine):
    units = json.loads(machine.read("fake/units.json"))
    return sorted(name for name, unit in units.items() if unit["active"] == "active")


def own_files(machine):
    return sorted(path.name for path in machine.path(UNITS).rglob("app*"))


def test_it_is_stopped_and_nothing_of_it_starts_at_boot(serving):
    run = serving.converge(GONE)
    assert run.changed == ["retired:app"]
    assert set(run.actions) == {("app@a1.service", "stop"), ("app-worker@a1.service", "stop")}
    assert running(serving) == ["apple.service"]
    assert own_files(serving) == ["apple.service", "apple.service"]
    assert not serving.path("opt/hub/app/current").is_symlink()
    assert serving.converge(GONE).changed == []


def test_a_node_that_never_had_it_is_not_even_asked(machine):
    assert machine.converge(GONE).changed == []
    assert machine.calls("systemctl") == []


def test_a_plan_says_what_would_go_and_touches_nothing(serving):
    before = serving.tree()
    (resource,) = serving.plan(GONE).of("resource")
    assert "stop and remove app@a1.service" in [change["what"] for change in resource["changes"]]
    assert serving.tree() == before


@pytest.mark.parametrize("stage", ["before", "journaled", "stopped"])
def test_a_kill_on_the_way_is_finished_by_the_next_run(serving, stage):
    assert serving.converge(GONE, fault=f"retired:app:{stage}").killed
    assert serving.converge(GONE).end["result"] == "done"
    assert running(serving) == ["apple.service"]
    assert own_files(serving) == ["apple.service", "apple.service"]


def test_it_cannot_be_rolled_back_to_and_comes_back_by_a_deploy_without_being_built_again(serving):
    serving.converge(GONE)
    assert serving.ask("rollback").error["code"] == "no-release"
    serving.forget_calls()
    run = serving.converge(PLAN, blobs=BLOBS)
    assert run.of("need") == []
    assert serving.calls("uv") == []
    assert running(serving) == ["app-worker@a1.service", "app@a1.service", "apple.service"]
    assert serving.converge(PLAN, blobs=BLOBS).changed == []


def test_a_queue_of_its_own_stops_after_it_and_keeps_its_data(machine):
    queue = [File(f"{UNITS}/queue.service", WEB), Unit("queue.service")]
    assert machine.converge([*PLAN, *queue], blobs=BLOBS).end["result"] == "done"
    gone = [Retired("app", alone=("queue.service",))]
    run = machine.converge(gone)
    assert run.actions[-1] == ("queue.service", "stop")
    assert running(machine) == ["apple.service"]
    assert machine.path(f"{UNITS}/queue.service").is_file()
    assert machine.converge(gone).changed == []
