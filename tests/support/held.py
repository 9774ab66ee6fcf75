"""A deploy that is held in the middle until it is let go."""

from __future__ import annotations

import json

from provision.node.resources import Command, File
from tests.support.fleet import Fleet
from tests.support.waiting import eventually

GO = "/run/hubctl-test-go"
BEFORE, AFTER = "/etc/hubctl-test-before", "/etc/hubctl-test-after"


def resources(mark: str) -> list[File | Command]:
    """Return a plan that writes a file, waits until it is let go, and writes another."""
    wait = ("sh", "-c", f"until [ -e {GO} ]; do sleep 0.05; done; rm {GO}")
    return [File(BEFORE, mark), Command("held", wait, unless=("false",)), File(AFTER, mark)]


def holder(fleet: Fleet, node: str) -> dict | None:
    """Return who holds the node's lock."""
    (event,) = [
        event for event in fleet.done("lock", "status", node, "--json").events if event["event"] == "lock"
    ]
    return event["holder"]


def wait_until_held(fleet: Fleet, node: str) -> dict:
    """Wait until a deploy is held, and return its lock."""
    fleet.ssh(node, "sh", "-c", "until pgrep -f 'until [[] -e' >/dev/null; do sleep 0.05; done")
    return json.loads(fleet.ssh(node, "cat", "/run/hubctl/lock"))


def let_go(fleet: Fleet, node: str) -> None:
    """Let the deploy go on."""
    fleet.ssh(node, "touch", GO)


def wait_until_free(fleet: Fleet, node: str) -> None:
    """Wait until nobody holds the lock."""
    eventually(lambda: holder(fleet, node) is None)


def clean_up(fleet: Fleet, node: str) -> None:
    """Remove what such deploys leave."""
    fleet.ssh(node, "rm", "-f", GO, BEFORE, AFTER)


_KILLER = (
    "for _ in $(seq 500); do [ -s /run/hubctl/lock ] && break; sleep 0.01; done; sleep {delay:.3f}; "
    "kill -9 $(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' /run/hubctl/lock)"
)


def kill_engine_after(fleet: Fleet, node: str, seconds: float) -> None:
    """Have the node's next run killed so many seconds after it takes the lock."""
    fleet.ssh(node, "systemd-run", "--quiet", "sh", "-c", _KILLER.format(delay=seconds))
