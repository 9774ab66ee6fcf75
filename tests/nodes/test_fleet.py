"""Several nodes at once: one that fails, is off or hangs does not stop the others, and each one's outcome is named."""

import contextlib
import os
import signal
import subprocess
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


@contextlib.contextmanager
def frozen(fleet, node):
    """Stop what answers SSH on a node, from this computer, and let it go on in the end."""
    namespace = fleet.ssh(node, "readlink", "/proc/self/ns/net").strip()
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if is_sshd(path, namespace)]
    assert found
    send(found, signal.SIGSTOP)
    try:
        yield
    finally:
        send(found, signal.SIGCONT)


def is_sshd(path, namespace):
    """Whether a process is one of a node's sshds: newer releases of OpenSSH are several programs."""
    with contextlib.suppress(OSError):
        name = (path / "comm").read_text()
        return name.startswith("sshd") and str((path / "ns/net").readlink()) == namespace
    return False


def send(processes, number):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


@contextlib.contextmanager
def pulled(fleet, node):
    """Pull the cable of a node's network, and put it back in the end."""
    name = cable(fleet, node)
    subprocess.run(["ip", "link", "set", name, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", name, "up"], check=True)


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
    with frozen(fresh, "one"), pulled(fresh, "two"):
        held.let_go(fresh, "three")
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == Exit.UNREACHABLE
    for node in ("one", "two"):
        assert f"the connection to {node} was lost" in stderr
        assert f"{node}: failed (connection-lost)" in stderr
    assert "it answered nothing for 30 s" in stderr
    assert "three: 0 ok, 3 changed" in stderr
    for node in ("one", "two"):
        eventually(lambda node=node: fresh.ssh(node, "true") == "", seconds=120)
        held.let_go(fresh, node)
        held.wait_until_free(fresh, node)
    for node in NODES:
        held.clean_up(fresh, node)
