"""One run at a time on a node: who holds it is said, a dead holder is nobody, and every way to stop leaves no lock."""

import json
import signal

import pytest

from provision.errors import Exit
from tests.support import held

pytestmark = pytest.mark.nodes


@pytest.fixture
def slow(bare, tmp_path):
    """A hubctl whose deploys are held in the middle."""
    held.clean_up(bare, "box")
    yield bare.patched(tmp_path, resources=held.resources(tmp_path.name))
    held.let_go(bare, "box")
    held.wait_until_free(bare, "box")
    held.clean_up(bare, "box")


@pytest.fixture
def running(slow):
    """A deploy that is held."""
    process = slow.start("deploy", "box")
    process.lock = held.wait_until_held(slow, "box")
    yield process
    process.kill()
    process.communicate()


def test_a_second_deploy_is_told_who_holds_the_node_since_when_from_where_and_by_which_command(bare, running):
    done = bare.hubctl("deploy")
    assert done.status == Exit.LOCKED
    for key in ("who", "from", "started", "command"):
        assert running.lock[key] in done.stderr
    assert running.lock["command"] == "deploy box"
    assert "--lock-wait" in done.stderr
    events = bare.hubctl("deploy", "--json").events
    assert [event["code"] for event in events if event["event"] == "error"] == ["locked"]


def test_lock_status_names_the_holder_and_plan_needs_no_lock(bare, running):
    shown = bare.done("lock", "status").stdout
    assert f"box: `deploy box` by {running.lock['who']} from {running.lock['from']}" in shown
    assert bare.hubctl("plan").status in (Exit.DONE, Exit.CHANGES)


def test_lock_wait_waits_and_then_does_it(bare, running):
    waiting = bare.start("deploy", "--lock-wait", "120")
    for line in waiting.stderr:
        if "waiting for" in line:
            break
    assert running.lock["who"] in line
    assert waiting.poll() is None
    held.let_go(bare, "box")
    stdout, stderr = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, stdout + stderr
    assert running.wait(timeout=60) == 0


def test_lock_wait_ends_when_its_time_is_over(bare, running):
    assert bare.hubctl("deploy", "--lock-wait", "2").status == Exit.LOCKED


def test_lock_release_stops_the_run_after_the_resource_in_hand(bare, slow, running):
    releasing = bare.start("lock", "release", "box", "--yes")
    # Let go only once the second engine has asked the first to stop.
    bare.ssh(
        "box", "sh", "-c", "until [ $(pgrep -fc 'hubctl/[e]ngine/') -ge 2 ]; do sleep 0.1; done; sleep 1"
    )
    held.let_go(bare, "box")
    stdout, stderr = releasing.communicate(timeout=60)
    assert releasing.returncode == 0, stderr
    assert "box: stopped `deploy box`" in stdout
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == Exit.FAILED
    assert "stopped on box before its end" in stderr
    assert "again" in stderr
    assert held.AFTER not in bare.ssh("box", "sh", "-c", "ls /etc/hubctl-test-*")
    assert "free" in bare.done("lock", "release", "--yes").stdout


def test_lock_release_asks_first(bare, running):
    assert bare.hubctl("lock", "release").status != 0
    assert held.holder(bare, "box")["pid"] == running.lock["pid"]


def test_a_holder_that_was_killed_is_taken_over(bare, running):
    bare.ssh("box", "kill", "-9", str(running.lock["pid"]))
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == Exit.UNREACHABLE or "again" in stderr
    bare.done("deploy")
    assert held.holder(bare, "box") is None


def test_a_stranger_who_has_an_earlier_versions_file_open_holds_no_deploy_up(bare):
    """It was open for all to read, which is enough to lock it."""
    flock = "flock --shared /run/hubctl/lock"
    bare.shell("box", "mkdir -p /run/hubctl; cd /run/hubctl; touch lock; chmod 755 .; chmod 644 lock")
    bare.shell("box", f"systemd-run --quiet --unit=stranger --property=User=nobody {flock} sleep infinity")
    bare.shell("box", "until grep -q FLOCK.*$(stat -c %i /run/hubctl/lock) /proc/locks; do sleep 0.1; done")
    try:
        bare.done("deploy")
        assert "box: free" in bare.done("lock", "status").stdout
        assert bare.shell("box", f"runuser -u nobody -- {flock} true 2>&1", check=False).endswith("denied\n")
    finally:
        bare.ssh("box", "systemctl", "stop", "stranger")


def interrupt(fleet, process):
    process.send_signal(signal.SIGINT)


def terminate(fleet, process):
    process.send_signal(signal.SIGTERM)


def kill(fleet, process):
    process.send_signal(signal.SIGKILL)


def cut(fleet, process):
    """Kill the sshd of the deploy's connection, on the node."""
    parent = "$(awk '/^PPid/{print $2}' /proc/$p/status)"
    find = f"p={process.lock['pid']}; until grep -q ^sshd /proc/$p/comm; do p={parent}; done"
    fleet.ssh("box", "sh", "-c", f"{find}; kill -9 $p")


@pytest.mark.parametrize(
    ("stop", "status"),
    [(interrupt, 130), (terminate, 128 + signal.SIGTERM), (kill, -signal.SIGKILL), (cut, Exit.UNREACHABLE)],
)
def test_whatever_stops_a_deploy_it_leaves_no_lock_and_no_half_written_file(
    bare, slow, running, stop, status
):
    stop(bare, running)
    _, stderr = running.communicate(timeout=90)
    assert running.returncode == status, stderr
    assert "Traceback" not in stderr
    held.let_go(bare, "box")
    held.wait_until_free(bare, "box")
    # The resource in hand was finished, the next one not begun.
    assert bare.ssh("box", "sh", "-c", "ls /etc/hubctl-test-*").split() == [held.BEFORE]
    assert bare.ssh("box", "find", "/etc", "/var/lib/hubctl", "-name", "*.hubctl-new") == ""
    last = json.loads(bare.ssh("box", "tail", "-1", "/var/lib/hubctl/audit.jsonl"))
    assert last["result"] == "interrupted"
    held.clean_up(bare, "box")
    bare.done("deploy")
