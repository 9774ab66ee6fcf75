"""Tasks that are posted while something happens to a node, and what must have become of them."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.request
from typing import Any

from tests.nodes.fleet import EXAMPLE, Fleet, Site, eventually

SLOW_COUNT = 2_000
_NETWORK = [["a", "b", "c"], ["a*", "b*"], ["b*", "c*"], ["a*", "c*"]] * 4 + [[f"a:s{i}"] for i in range(6)]
SLOW = {"monomers": [*_NETWORK, ["b", ">m"]], "constraints": [["NOTFREE", "m"]], "gen": SLOW_COUNT}
"""Computed for seconds, so that something can happen meanwhile."""

ENDLESS = {**SLOW, "gen": 200_000}
"""Far more than can be found while a test runs."""
STATS = "task_api:stats"


class Posted:
    """Tasks that the API has accepted: slow ones, and the seed's example behind them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tasks: dict[str, dict[str, Any]] = {}

    def post(self, task: dict[str, Any], number: int = 1) -> list[str]:
        """Post a task some times; return the ids."""
        ids = []
        for _ in range(number):
            status, accepted = self.site.ask("POST", "/task", task)
            assert status == 202, accepted
            ids.append(accepted["task_id"])
            self.tasks[ids[-1]] = task
        return ids

    def running(self, task_id: str) -> bool:
        """Whether a worker is at the task."""
        status, answer = self.site.ask("GET", f"/status/{task_id}")
        assert status == 202, answer
        return answer["count"] > 0

    def assert_all_right(self, seconds: float = 120) -> None:
        """Wait for all of them; see that each has the right answer, and the same when asked again."""
        deadline = time.monotonic() + seconds
        for task_id, task in self.tasks.items():
            status, answer = final(self.site, task_id, deadline)
            found = (status, answer["status"], answer.get("entropy"), answer.get("count"))
            assert found == (200, "COMPLETE", *expected(task)), answer.get("message")
        for task_id in self.tasks:
            assert self.site.ask("GET", f"/status/{task_id}")[0] == 200


def expected(task: dict[str, Any]) -> tuple[int, int]:
    """Return the entropy and the number of configurations of the tasks above."""
    return (3, 2) if task is EXAMPLE else (10, SLOW_COUNT)


def final(site: Site, task_id: str, deadline: float) -> tuple[int, dict[str, Any]]:
    """Return a task's end, whatever is down meanwhile."""
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            status, answer = site.ask("GET", f"/status/{task_id}")
            if status not in (202, 503):
                return status, answer
        time.sleep(0.2)
    raise AssertionError(f"task {task_id} has not ended")


def busy(site: Site, *, slow: int = 1, examples: int = 6) -> Posted:
    """Post tasks so that a slow one is running and the others wait."""
    posted = Posted(site)
    first = posted.post(SLOW, slow)[0]
    posted.post(EXAMPLE, examples)
    eventually(lambda: posted.running(first), pause=0.05)
    return posted


def ended(fleet: Fleet, node: str) -> dict[str, int]:
    """Return how many tasks were ever accepted, and how many ended in each state, as Redis on the node counts."""
    words = redis(fleet, node, "HGETALL", STATS)
    return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def redis(fleet: Fleet, node: str, *words: str) -> list[str]:
    """Ask the node's Redis."""
    return fleet.ssh(node, "redis-cli", "-s", "/run/redis/hub.sock", *words).split()


def processes(fleet: Fleet, node: str) -> dict[str, dict[str, Any]]:
    """Return what `hubctl status` shows of the node's processes, by name."""
    (event,) = (each for each in fleet.done("status", node, "--json").events if each["event"] == "status")
    return {item["name"]: item for item in event["processes"]}


def power(fleet: Fleet, node: str, kind: str) -> None:
    """Have the cloud do an action with the node's machine, such as `power_off`; wait until it is done."""

    def call(path: str, data: dict[str, str] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{fleet.instance.endpoint.rstrip('/')}/{path}",
            json.dumps(data).encode() if data else None,
            {"Authorization": f"Bearer {fleet.instance.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    address = fleet.address(node)
    (droplet,) = (
        item
        for item in call("droplets?per_page=200")["droplets"]
        if address in [each["ip_address"] for each in item["networks"]["v4"]]
    )
    action = call(f"droplets/{droplet['id']}/actions", {"type": kind})["action"]["id"]
    eventually(lambda: call(f"actions/{action}")["action"]["status"] == "completed")
