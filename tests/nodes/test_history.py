"""What was done to a node can be asked for, whoever did it and however it ended; and what is due is not forgotten."""

import getpass
import socket

import pytest

from provision.errors import Exit
from provision.node.resources import Command, File, Unit

pytestmark = pytest.mark.nodes

SERVICE = """\
[Service]
ExecStart=/bin/sh -c 'cat /etc/hubctl-seen > /run/hubctl-seen; exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""
UNIT = "hubctl-seen.service"


def plan(fleet, folder, text, *more):
    """A service that notes at its start what it reads, and restarts when that changes."""
    unit = File(f"/etc/systemd/system/{UNIT}", SERVICE)
    file = File("/etc/hubctl-seen", text)
    after = File("/etc/hubctl-after", text)
    service = Unit(UNIT, restart_on=(file.id, unit.id))
    return fleet.patched(folder, only=True, resources=[unit, file, after, service, *more])


def runs(fleet, last):
    done = fleet.done("history", "two", "--last", str(last), "--json")
    return [event for event in done.events if event["event"] == "run"]


def started(fleet):
    return fleet.ssh("two", "systemctl", "show", "--property=ExecMainStartTimestampMonotonic,MainPID", UNIT)


def test_history_tells_when_who_what_changed_and_how_it_ended(fresh, tmp_path):
    plan(fresh, tmp_path / "a", "1\n").done("deploy", "two")
    plan(fresh, tmp_path / "a", "1\n").done("deploy", "two")
    failing = Command("fails", ("false",), unless=("false",))
    assert plan(fresh, tmp_path / "b", "2\n", failing).hubctl("deploy", "two").status == Exit.FAILED
    first, second, third = runs(fresh, 3)
    assert "file:/etc/hubctl-seen" in first["changed"]
    assert first["who"] == f"{getpass.getuser()}@{socket.gethostname()}"
    assert (first["command"], first["result"], second["result"]) == ("deploy two", "done", "done")
    assert second["changed"] == []
    assert (third["result"], third["failed"]) == ("failed", ["command:fails"])
    assert first["begun"] <= first["ended"] <= second["begun"]
    table = fresh.done("history", "two", "--last", "3").stdout.splitlines()
    assert table[0] == "history of two"
    assert [line.split()[-1] for line in table[2:]][1] == "nothing"


def test_a_restart_that_was_due_when_the_run_was_killed_is_done_by_the_next(fresh, tmp_path):
    plan(fresh, tmp_path / "a", "old\n").done("deploy", "two")
    before = started(fresh)
    changed = plan(fresh, tmp_path / "b", "new\n")
    killed = changed.hubctl("deploy", "two", HUBCTL_FAULT="file:/etc/hubctl-seen:after")
    assert killed.status == Exit.UNREACHABLE
    assert "again" in killed.stderr
    # The new file is there, and the service does not know it yet.
    assert fresh.ssh("two", "cat", "/etc/hubctl-seen", "/run/hubctl-seen") == "new\nold\n"
    assert started(fresh) == before
    planned = changed.hubctl("plan", "two")
    assert f"unit:{UNIT}\n  restart: file:/etc/hubctl-seen changed" in planned.stdout

    done = changed.done("deploy", "two")

    assert f"two: restart {UNIT}" in done.stderr
    assert fresh.ssh("two", "cat", "/run/hubctl-seen") == "new\n"
    assert started(fresh) != before
    assert "0 changed" in changed.done("deploy", "two").stdout
    assert [run["result"] for run in runs(fresh, 3)] == ["killed", "done", "done"]
    assert "file:/etc/hubctl-seen" in runs(fresh, 3)[0]["changed"]


def test_a_replaced_file_is_kept_and_a_secret_one_is_not(fresh, tmp_path):
    fresh.ssh("two", "sh", "-c", "echo by hand > /etc/hubctl-after")
    plan(fresh, tmp_path, "3\n").done("deploy", "two")
    kept = fresh.ssh("two", "sh", "-c", "cat $(ls -d /var/lib/hubctl/replaced/* | tail -1)/etc/hubctl-after")
    assert kept == "by hand\n"
    assert fresh.ssh("two", "stat", "-c", "%a", "/var/lib/hubctl/replaced") == "700\n"
