"""Several nodes at once: one that fails, is off or hangs does not stop the others, and each one's outcome is named."""

import subprocess
import time
from pathlib import Path

import pytest

from provision.errors import Exit
from provision.node.resources import Command, File
from tests.support import held
from tests.support.machines import power
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

NODES = ("one", "two", "three")


@pytest.fixture
def cheap(fresh, tmp_path):
    """Three machines and a plan of one file that changes."""
    return fresh.patched(tmp_path / "cheap", only=True, resources=[File("/etc/hubctl-cheap", tmp_path.name)])


def fails_on(fleet, folder, node):
    """A plan that fails on one node."""
    return fleet.patched(
        folder,
        only=True,
        resources=[
            Command(f"not-on-{node}", ("sh", "-c", f"hostname; ! hostname | grep {node}"), unless=("false",))
        ],
    )


def outcomes(done):
    return {event["node"]: event for event in done.events if event["event"] == "outcome"}


def test_every_node_is_done_and_named(cheap):
    done = cheap.done("deploy")
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        f"{node}: 0 ok, 1 changed" for node in NODES
    ]


def test_no_more_nodes_at_once_than_parallel_says(cheap):
    def most(done):
        running, highest = 0, 0
        for event in done.events:
            if event["event"] == "step" and event["state"] in ("started", "done"):
                running += 1 if event["state"] == "started" else -1
                highest = max(highest, running)
        return highest

    assert most(cheap.done("deploy", "--parallel", "1", "--json")) == 1
    assert most(cheap.done("deploy", "--parallel", "2", "--json")) == 2
    assert most(cheap.done("deploy", "--json")) == 3


def test_a_node_that_fails_does_not_stop_the_others(fresh, tmp_path):
    done = fails_on(fresh, tmp_path, "two").hubctl("deploy", "--json")
    assert done.status == Exit.FAILED
    found = outcomes(done)
    assert found["two"]["error"]["code"] == "command-failed"
    assert [found[node]["changed"] for node in ("one", "three")] == [1, 1]


def test_rolling_stops_at_the_first_failure_and_names_those_not_tried(fresh, tmp_path):
    broken = fails_on(fresh, tmp_path, "two")
    done = broken.hubctl("deploy", "--rolling")
    assert done.status == Exit.FAILED
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == list(NODES)
    assert "one: 0 ok, 1 changed" in done.stdout
    assert "two: failed (command-failed)" in done.stdout
    assert "three: not tried" in done.stdout
    found = outcomes(broken.hubctl("deploy", "--rolling", "--json"))
    assert found["three"]["error"]["code"] == "not-tried"


def test_a_node_that_is_off_is_named_and_the_others_are_done(fresh, cheap):
    power(fresh, "two", "power_off")
    try:
        done = cheap.hubctl("deploy")
        failing = fails_on(fresh, cheap.folder / "failing", "three").hubctl("deploy")
    finally:
        power(fresh, "two", "power_on")
        eventually(lambda: fresh.ssh("two", "true") == "", seconds=60)
    assert done.status == Exit.UNREACHABLE
    assert "one: 0 ok, 1 changed" in done.stdout
    assert "three: 0 ok, 1 changed" in done.stdout
    assert "two: failed (unreachable)" in done.stdout
    assert f"two does not answer at {fresh.address('two')} port 22" in done.stderr
    assert "hubctl create-node two" in done.stderr
    # Different reasons: no code says it all.
    assert failing.status == Exit.FAILED
    assert "two: failed (unreachable)" in failing.stdout
    assert "three: failed (command-failed)" in failing.stdout
    cheap.done("deploy")


# Newer releases of OpenSSH are several programs: sshd, sshd-session, sshd-auth.
FREEZE = "sleep 0.5; pkill -STOP -x 'sshd.*'; sleep 44; pkill -CONT -x 'sshd.*'"


def cable(fleet, node):
    """Return this computer's end of the node's network cable."""
    index = fleet.ssh(node, "cat", "/sys/class/net/host0/iflink").strip()
    (name,) = [
        path.parent.name
        for path in Path("/sys/class/net").glob("*/ifindex")
        if path.read_text().strip() == index
    ]
    return name


def test_nodes_that_hang_are_given_up_and_named_while_the_others_are_done(fresh, tmp_path):
    """One node's sshd hangs, though its kernel answers; another's cable is pulled."""
    slow = fresh.patched(tmp_path, only=True, resources=held.resources(tmp_path.name))
    process = slow.start("deploy", "--json")
    for node in NODES:
        held.wait_until_held(fresh, node)
    began = time.monotonic()
    fresh.ssh("one", "systemd-run", "--quiet", "sh", "-c", FREEZE)
    pulled = cable(fresh, "two")
    subprocess.run(["ip", "link", "set", pulled, "down"], check=True)
    try:
        held.let_go(fresh, "three")
        _, stderr = process.communicate(timeout=120)
    finally:
        subprocess.run(["ip", "link", "set", pulled, "up"], check=True)
    assert time.monotonic() - began < 44, "the node that hung was not given up but came back"
    assert process.returncode == Exit.UNREACHABLE
    for node in ("one", "two"):
        assert f"the connection to {node} was lost" in stderr
        assert f"{node}: failed (connection-lost)" in stderr
    assert "it answered nothing for 30 s" in stderr
    assert "three: 0 ok, 3 changed" in stderr
    for node in ("one", "two"):
        eventually(lambda node=node: fresh.ssh(node, "true") == "", seconds=90)
        held.let_go(fresh, node)
        held.wait_until_free(fresh, node)
    for node in NODES:
        held.clean_up(fresh, node)
