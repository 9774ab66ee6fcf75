"""Limits of the computer: raised while machines run, by whichever local cloud, and put back after the last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from provision.cloud.local import kernel
from provision.cloud.local.kernel import Limits
from provision.cloud.local.process import Process
from provision.errors import Exit, HubError

INSTANCES, WATCHES = "fs/inotify/max_user_instances", "fs/inotify/max_user_watches"


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    """The limits of a computer as they are out of the box."""
    (tmp_path / "sys/fs/inotify").mkdir(parents=True)
    (tmp_path / "sys" / INSTANCES).write_text("128\n")
    (tmp_path / "sys" / WATCHES).write_text("8192\n")
    return Limits(tmp_path / "sys", tmp_path / "run/limits.json")


def values(limits: Limits) -> list[int]:
    return [int((limits.settings / name).read_text()) for name in (INSTANCES, WATCHES)]


def ended() -> Process:
    """Return a process that has run and is gone."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process.of(child.pid)
    child.communicate(b"\n")
    return process


def test_they_are_raised_for_the_first_machine_and_put_back_after_the_last(
    limits: Limits, tmp_path: Path
) -> None:
    limits.hold(tmp_path / "a")
    assert values(limits) == [8192, 524_288]
    limits.hold(tmp_path / "b")
    limits.release(tmp_path / "a")
    assert values(limits) == [8192, 524_288]
    limits.release(tmp_path / "b")
    assert values(limits) == [128, 8192]
    assert not limits.record.exists()


def test_machines_whose_process_is_gone_do_not_count(limits: Limits, tmp_path: Path) -> None:
    """As after a kill of a whole local cloud: neither the machines nor who started them are there."""
    limits.hold(tmp_path / "a")
    limits.hold(tmp_path / "b")
    record = json.loads(limits.record.read_text())
    record["holders"] = dict.fromkeys(record["holders"], asdict(ended()))
    limits.record.write_text(json.dumps(record))
    limits.hold(tmp_path / "c")
    limits.release(tmp_path / "c")
    assert values(limits) == [128, 8192]


def test_a_machine_counts_as_long_as_it_runs_whoever_started_it(limits: Limits, tmp_path: Path) -> None:
    limits.hold(tmp_path / "a")
    record = json.loads(limits.record.read_text())
    record["holders"] = dict.fromkeys(record["holders"], asdict(ended()))
    limits.record.write_text(json.dumps(record))
    Process.of(os.getpid()).save(tmp_path / "a")
    limits.hold(tmp_path / "b")
    limits.release(tmp_path / "b")
    assert values(limits) == [8192, 524_288]


def test_what_somebody_has_set_meanwhile_stays(limits: Limits, tmp_path: Path) -> None:
    limits.hold(tmp_path / "a")
    (limits.settings / INSTANCES).write_text("20000\n")
    limits.release(tmp_path / "a")
    assert values(limits) == [20_000, 8192]


def test_what_is_high_enough_is_left(limits: Limits, tmp_path: Path) -> None:
    (limits.settings / INSTANCES).write_text("10000\n")
    limits.hold(tmp_path / "a")
    assert values(limits) == [10_000, 524_288]
    limits.release(tmp_path / "a")
    assert values(limits) == [10_000, 8192]


def test_a_kill_between_noting_and_raising_loses_nothing(
    limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Limits, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        limits.hold(tmp_path / "a")
    monkeypatch.undo()
    limits.hold(tmp_path / "a")
    limits.release(tmp_path / "a")
    assert values(limits) == [128, 8192]


def test_where_they_may_not_be_changed_machines_are_made_as_far_as_they_go(
    limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (limits.settings / WATCHES).write_text("600000\n")
    monkeypatch.setattr(Limits, "_write", lambda *_: False)
    fit = (128 - kernel.SETTINGS[0].spare) // kernel.SETTINGS[0].each
    for number in range(fit):
        limits.hold(tmp_path / str(number))
    for _ in range(2):
        with pytest.raises(HubError, match="no further machine") as caught:
            limits.hold(tmp_path / "more")
        assert caught.value.hint == (
            "on the computer itself, as root: sysctl -w fs.inotify.max_user_instances=8192"
        )
        assert caught.value.exit_code == Exit.NOT_ALLOWED
    limits.release(tmp_path / "0")
    limits.hold(tmp_path / "more")


def test_a_kernel_without_the_setting_has_no_limit(limits: Limits, tmp_path: Path) -> None:
    (limits.settings / INSTANCES).unlink()
    limits.hold(tmp_path / "a")
    limits.release(tmp_path / "a")


def test_a_damaged_record_counts_as_none(limits: Limits, tmp_path: Path) -> None:
    limits.record.parent.mkdir()
    limits.record.write_text("{")
    limits.hold(tmp_path / "a")
    assert values(limits) == [8192, 524_288]
