"""Runs of the engine on one machine: the lock between them, and what is remembered of them."""

import json
import os
import time

import pytest

from provision.node.audit import keep_plan, last_plan
from provision.node.resources import File, Unit
from provision.packing import engine_archive
from tests.unit.test_node_converge import release_that_waits

FILE = File("/etc/a", "x\n")


@pytest.fixture
def busy(machine):
    """A machine on which a run waits for its operator."""
    process = machine.start()
    process.stdin.write(machine.request(op="converge", apply=True, resources=[release_that_waits()]))
    process.stdin.flush()
    while b'"need"' not in process.stdout.readline():
        pass
    machine.holder = process
    yield machine
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_locked_machine_names_its_holder(busy):
    run = busy.converge([FILE])
    assert run.status == 75
    assert run.end["result"] == "locked"
    holder = run.of("locked")[0]["holder"]
    assert (holder["who"], holder["from"], holder["command"]) == ("ann@laptop", "laptop", "deploy")
    assert holder["pid"] == busy.holder.pid
    assert not busy.path("etc/a").exists()


def test_a_dry_run_needs_no_lock(busy):
    assert busy.plan([FILE]).status == 0


def test_the_lock_of_a_killed_run_is_taken_over(busy):
    busy.holder.kill()
    busy.holder.wait()
    assert busy.ask("lock-status").of("data")[0]["data"]["holder"] is None
    assert busy.converge([FILE]).status == 0


def test_a_run_waits_for_the_lock_as_long_as_it_is_told(busy):
    waiting = busy.start()
    waiting.stdin.write(busy.request(op="converge", apply=True, resources=[], lock_wait=60))
    waiting.stdin.flush()
    assert json.loads(waiting.stdout.readline())["text"] == "waiting for ann@laptop"
    busy.holder.terminate()
    assert json.loads(waiting.stdout.readline())["event"] in ("start", "progress")
    assert waiting.wait(timeout=30) == 0
    waiting.stdin.close()
    waiting.stdout.close()


def test_an_operator_who_is_gone_stops_waiting(busy):
    waiting = busy.start()
    stdout, _ = waiting.communicate(
        busy.request(op="converge", apply=True, resources=[], lock_wait=600), timeout=30
    )
    assert waiting.returncode == 3
    assert json.loads(stdout.splitlines()[-1])["result"] == "interrupted"


def test_lock_status_and_release(busy):
    assert busy.ask("lock-status").of("data")[0]["data"]["holder"]["pid"] == busy.holder.pid
    released = busy.ask("lock-release").of("data")[0]["data"]
    assert released["released"] is True
    assert released["holder"]["who"] == "ann@laptop"
    assert busy.holder.wait(timeout=30) == 3
    assert busy.ask("lock-release").of("data")[0]["data"]["holder"] is None


def runs(machine):
    return machine.ask("history").of("data")[0]["data"]["runs"]


def test_history_tells_who_did_what_and_how_it_ended(machine):
    machine.converge([FILE])
    machine.converge([FILE])
    machine.converge([File("/etc/b", "x", owner="nobody-here")])
    first, second, third = runs(machine)
    assert (first["who"], first["command"], first["result"]) == ("ann@laptop", "deploy", "done")
    assert (first["changed"], second["changed"]) == (["file:/etc/a"], [])
    assert (third["result"], third["failed"]) == ("failed", ["file:/etc/b"])
    assert machine.ask("history", last=1).of("data")[0]["data"]["runs"] == [third]


def test_a_killed_run_is_in_the_history(machine):
    machine.converge([FILE, File("/etc/b", "x")], fault="file:/etc/b:after")
    machine.converge([FILE])
    killed, done = runs(machine)
    assert (killed["result"], killed["changed"]) == ("killed", ["file:/etc/a", "file:/etc/b"])
    assert killed["begun"] <= done["begun"]
    assert done["result"] == "done"


@pytest.mark.parametrize(
    "line",
    [
        '{"who": "cut sho',
        "[]",
        '{"who": null}',
        '{"ok": true}',
        '{"changed": [1]}',
        '{"changes": [{"id": "file:/etc/a", "what": "content"}]}',
    ],
)
def test_the_log_is_appended_to_and_a_damaged_line_is_passed_over(machine, line):
    machine.converge([FILE])
    with machine.path("var/lib/hubctl/audit.jsonl").open("a") as log:
        log.write(line + "\n")
    assert len(machine.ask("history", last=1).of("data")[0]["data"]["runs"]) == 1
    machine.converge([FILE])
    assert [run["result"] for run in runs(machine)] == ["done", "done"]


def test_plans_are_kept_without_secrets_and_only_if_something_changed(machine):
    machine.converge([File("/etc/key", "HUNTER2", secret=True)])
    machine.converge([File("/etc/key", "HUNTER2", secret=True)])
    (plan,) = machine.path("var/lib/hubctl/plans").iterdir()
    assert json.loads(plan.read_text())["resources"][0]["path"] == "/etc/key"
    assert "HUNTER2" not in plan.read_text()
    assert plan.stat().st_mode & 0o077 == 0


def test_a_journal_of_another_version_is_read(machine):
    """What it does not say has its default, and what is not known here is passed over."""
    machine.write("var/lib/hubctl/journal.json", '{"daemon_reload": true, "reboots": 1}')
    assert machine.converge([FILE]).end["result"] == "done"
    assert ["daemon-reload"] in [call[-1:] for call in machine.calls("systemctl")]


def test_old_engines_are_removed(machine):
    for number in range(6):
        folder = machine.path(f"var/lib/hubctl/engine/{number}")
        folder.mkdir(parents=True)
        os.utime(folder, (number, time.time() - 1000 + number))
    machine.converge([FILE])
    assert sorted(path.name for path in machine.path("var/lib/hubctl/engine").iterdir()) == ["3", "4", "5"]


def test_status_tells_processes_releases_certificates_and_disk(machine):
    status = machine.ask("status").of("data")[0]["data"]
    assert status["disk"]["free"] > 0
    assert (status["processes"], status["releases"], status["certificates"]) == ([], {}, {})
    assert (status["lock"], status["pending"]) == (None, [])


UNIT = "[Service]\nExecStart=/bin/true\n"
PLAN = [
    File("/etc/systemd/system/app.service", UNIT),
    File("/etc/systemd/system/app.timer", "[Timer]\n"),
    Unit("app.service", enabled=False),
    Unit("app.timer", enabled=False),
    Unit("gone.service", enabled=False, running=False),
]


def status_of(machine):
    return machine.ask("status").of("data")[0]["data"]


def test_status_tells_the_units_of_the_plan_that_are_not_up(machine):
    machine.converge(PLAN)
    assert (status_of(machine)["down"], status_of(machine)["missing"]) == ([], [])
    units = json.loads(machine.read("fake/units.json"))
    for name in ("app.service", "app.timer"):
        units[name]["active"] = "failed"
    machine.write("fake/units.json", json.dumps(units))
    down = status_of(machine)["down"]
    assert [line.split(" ")[:2] for line in down] == [["app.service:", "failed"], ["app.timer:", "failed"]]


def test_status_names_the_certificates_of_the_plan_that_are_missing(machine):
    plan = {"resources": [{"kind": "certificate", "name": "a.test"}]}
    keep_plan(machine.path("var/lib/hubctl"), "20260101T000000Z-b", plan)
    assert status_of(machine)["missing"] == ["a.test"]


def test_the_last_plan_is_the_one_that_was_kept_last_in_the_same_second_too(tmp_path):
    for name in ("b", "a"):
        keep_plan(tmp_path, f"20260101T000000Z-{name}", {"resources": [{"kind": name}]})
    assert last_plan(tmp_path)["resources"] == [{"kind": "a"}]


def test_the_engine_is_the_same_archive_every_time():
    assert engine_archive.__wrapped__() == engine_archive.__wrapped__()
