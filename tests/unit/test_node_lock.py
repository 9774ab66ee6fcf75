"""The lock belongs to engines: nobody else can hold it up, and no other process is taken for its holder."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from provision.node.resources import File
from tests.unit.test_node_runs import busy  # noqa: F401  a fixture

FILE = File("/etc/a", "x\n")
LOCK = "run/hubctl/lock"


@pytest.fixture
def locked(machine, running):
    """Have a program that is no engine hold the lock."""

    def lock(*options):
        process = running("flock", *options, machine.path(LOCK), "sleep", "600")
        probe = ["flock", "--nonblock", machine.path(LOCK), "true"]
        while subprocess.run(probe, check=False).returncode == 0:
            time.sleep(0.01)
        return process

    return lock


@pytest.fixture
def innocent(running):
    return running("sleep", "600")


def left(machine, text, mode=0o600):
    """Leave a lock file as a run would that is gone."""
    machine.write(LOCK, json.dumps(text)).chmod(mode)


def answer(machine, op, **fields):
    return machine.ask(op, **fields).of("data")[0]["data"]


def born(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_only_root_can_reach_the_lock(machine):
    machine.converge([FILE])
    assert (mode(machine.path("run/hubctl")), mode(machine.path(LOCK))) == (0o700, 0o600)


def test_a_stranger_with_the_file_of_an_earlier_version_holds_nothing_up(machine, locked):
    left(machine, {}, 0o644)
    stranger = locked("--shared")
    assert machine.converge([FILE]).status == 0
    assert (mode(machine.path("run/hubctl")), mode(machine.path(LOCK))) == (0o700, 0o600)
    assert stranger.poll() is None


def test_an_engine_of_an_earlier_version_is_waited_for(busy):  # noqa: F811
    """It left its file open to all, and did not note when it was born."""
    holder = json.loads(busy.read(LOCK))
    busy.write(LOCK, json.dumps({key: value for key, value in holder.items() if key != "born"}))
    busy.path(LOCK).chmod(0o644)
    assert busy.converge([FILE]).of("locked")[0]["holder"]["pid"] == busy.holder.pid


def test_a_program_that_locks_it_as_root_is_named_and_left_alone(machine, locked):
    machine.converge([FILE])
    stranger = locked()
    holder = answer(machine, "lock-status")["holder"]
    assert (holder["pid"], holder["from"]) == (stranger.pid, "the node itself")
    assert "flock" in holder["command"]
    assert machine.converge([FILE]).of("locked")[0]["holder"]["pid"] == stranger.pid
    error = machine.ask("lock-release", force=True).error
    assert (error["code"], stranger.poll()) == ("not-an-engine", None)
    assert f"kill {stranger.pid}" in error["hint"]


@pytest.mark.parametrize("known", [False, True], ids=["without its birth", "with its birth"])
def test_a_number_that_is_another_process_by_now_is_nobody_and_is_never_killed(
    machine, locked, innocent, known
):
    pid = innocent.pid
    left(machine, {"who": "ann", "pid": pid, **({"born": born(pid)} if known else {})})
    assert answer(machine, "lock-status")["holder"] is None
    assert answer(machine, "lock-release", force=True) == {"holder": None, "released": True}
    stranger = locked()
    assert answer(machine, "lock-status")["holder"]["pid"] == stranger.pid
    assert machine.ask("lock-release", force=True).error["code"] == "not-an-engine"
    assert (innocent.poll(), stranger.poll()) == (None, None)


@pytest.mark.parametrize("pid", [0, -1, True, "1", None, 10**12])
def test_what_is_no_process_is_nobody(machine, pid):
    left(machine, {"who": "ann", "pid": pid})
    assert answer(machine, "lock-release", force=True) == {"holder": None, "released": True}


def test_a_pipe_in_the_place_of_the_lock_is_named(machine):
    machine.converge([FILE])
    machine.path(LOCK).unlink()
    os.mkfifo(machine.path(LOCK))
    for run in (
        machine.converge([FILE]),
        machine.ask("lock-status"),
        machine.ask("lock-release", force=True),
    ):
        assert run.error["code"] == "state-damaged"
        assert "is no file but a pipe" in run.error["message"]
        assert f"ls -ld {machine.path(LOCK)}" in run.error["hint"]


def test_force_ends_an_engine_at_once(busy):  # noqa: F811
    assert json.loads(busy.read(LOCK))["born"] == born(busy.holder.pid)
    assert answer(busy, "lock-release", force=True)["released"] is True
    assert busy.holder.wait(timeout=30) == -signal.SIGKILL
