"""The engine brings a machine to its desired state, and finishes what a killed run began."""

import json
import signal
import tempfile
import time
from pathlib import Path

import pytest

from provision.node.resources import (
    CheckedFiles,
    Command,
    Directory,
    File,
    Group,
    Packages,
    PythonEnv,
    Symlink,
    Unit,
    User,
)
from tests.support.node_engine import Machine

SITE = "[Unit]\n[Service]\nExecReload=x\n[Install]\nWantedBy=multi-user.target\n"
PLAN = (
    Packages(("nginx", "redis-server")),
    Group("app"),
    Group("staff"),
    User("app", home="/opt/app", groups=("staff",)),
    Directory("/opt/app", mode=0o750),
    File("/opt/app/config", "listen = 80\n", mode=0o640),
    Symlink("/opt/app/link", "config"),
    CheckedFiles("site", (File("/etc/site/a", "a\n"), File("/etc/site/b", "b\n")), ("accept-unless-bad",)),
    File("/etc/systemd/system/app.service", SITE),
    PythonEnv("/opt/env", requirements="uv==1 --hash=sha256:0\n"),
    Unit("app.service", restart_on=("file:/opt/app/config", "checked-files:site")),
    Command("once", ("succeed",), on=("file:/opt/app/config",)),
)


@pytest.fixture(scope="module")
def reference():
    """What the plan makes of an empty machine."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        machine = Machine(Path(folder))
        machine.converge(PLAN)
        yield machine.tree()


@pytest.fixture
def converged(machine):
    assert machine.converge(PLAN).end["result"] == "done"
    return machine


def test_a_second_run_changes_nothing(converged):
    before = converged.tree()
    run = converged.converge(PLAN)
    assert run.status == 0
    assert (run.end["ok"], run.end["changed"], run.end["failed"]) == (len(PLAN), 0, 0)
    assert converged.tree() == before


def test_a_run_with_nothing_to_do_asks_systemd_once_and_runs_nothing_else(converged):
    converged.forget_calls()
    converged.converge(PLAN)
    assert len(converged.calls("systemctl")) == 1
    assert len(converged.read("fake/calls.jsonl").splitlines()) == 1


def test_what_was_changed_by_hand_is_all_that_changes(converged):
    before = converged.tree()
    converged.write("opt/app/config", "by hand\n").chmod(0o640)
    run = converged.converge(PLAN)
    assert run.changed == ["file:/opt/app/config", "unit:app.service", "command:once"]
    assert converged.tree() == before


def test_a_dry_run_says_what_a_run_changes_and_changes_nothing(machine):
    before = machine.tree()
    planned = machine.plan(PLAN)
    assert machine.tree() == before
    assert not machine.path("var/lib/hubctl").exists()
    assert not machine.path("run/hubctl").exists()
    done = machine.converge(PLAN)
    assert planned.changed == done.changed
    assert planned.end["changed"] == len(PLAN)
    assert {each["status"] for each in planned.of("resource")} == {"would-change"}


def test_a_dry_run_shows_what_follows_from_a_change(converged):
    converged.write("opt/app/config", "by hand\n").chmod(0o640)
    run = converged.plan(PLAN)
    changes = {each["id"]: each["changes"] for each in run.of("resource") if each["changes"]}
    assert changes["unit:app.service"][0]["what"] == "restart: file:/opt/app/config changed"
    assert "-by hand\n+listen = 80\n" in changes["file:/opt/app/config"][0]["diff"]
    assert run.end["changed"] == 3
    assert converged.plan(PLAN).changed == run.changed


@pytest.mark.parametrize("stage", ["before", "journaled", "after"])
@pytest.mark.parametrize("index", range(len(PLAN)))
def test_a_run_killed_at_any_resource_is_finished_by_the_next(machine, reference, index, stage):
    assert machine.converge(PLAN, fault=f"{index}:{stage}").killed
    run = machine.converge(PLAN)
    assert run.end["result"] == "done"
    assert machine.tree() == reference
    assert machine.converge(PLAN).changed == []
    assert not machine.path("var/lib/hubctl/journal.json").exists()
    assert machine.calls("succeed"), "the command that follows from a change was forgotten"


def test_a_failure_stops_the_run_and_names_the_resource(machine):
    run = machine.converge([Command("bad", ("fail",), creates="/nowhere"), File("/etc/later", "x")])
    assert run.status == 1
    assert (run.error["id"], run.error["code"]) == ("command:bad", "command-failed")
    assert run.error["why"] == "it went wrong"
    assert (run.end["result"], run.end["failed"]) == ("failed", 1)
    assert not machine.path("etc/later").exists()


def test_an_operator_who_is_gone_ends_the_run_after_the_resource_in_hand(machine):
    process = machine.start()
    stdout, _ = process.communicate(machine.request(op="converge", apply=True, resources=[as_data()]))
    assert process.returncode == 3
    assert json.loads(stdout.splitlines()[-1])["result"] == "interrupted"
    assert machine.converge([File("/etc/x", "x\n")]).end["result"] == "done"


def as_data():
    return {"kind": "file", "path": "/etc/x", "content": "x\n"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_run_and_leaves_no_lock(machine, number):
    process = machine.start()
    hold = machine.start()
    hold.stdin.write(machine.request(op="converge", apply=True, resources=[release_that_waits()]))
    hold.stdin.flush()
    while b'"need"' not in hold.stdout.readline():
        pass
    hold.send_signal(number)
    assert hold.wait(timeout=30) == 3
    assert machine.ask("lock-status").of("data")[0]["data"] == {"holder": None}
    process.kill()
    process.wait()


def release_that_waits():
    fields = {
        "service": "app",
        "release": "aa",
        "bundle": "b" * 64,
        "requirements": "",
        "settings": "",
        "uv": "/uv",
    }
    return {"kind": "release", **fields}


def test_stdout_holds_nothing_but_events(machine):
    process = machine.start()
    process.stdin.write(machine.request(op="converge", apply=True, resources=[as_data()]))
    process.stdin.flush()
    deadline = time.monotonic() + 30
    kinds = []
    while time.monotonic() < deadline and "end" not in kinds:
        kinds.append(json.loads(process.stdout.readline())["event"])
    process.stdin.close()
    process.wait(timeout=30)
    assert kinds == ["start", "resource", "end"]
