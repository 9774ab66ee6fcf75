"""Tasks that are posted while something happens to a node, and what must have become of them."""

from __future__ import annotations

import time
from typing import Any

from tests.support.fleet import Fleet
from tests.support.site import EXAMPLE, Site
from tests.support.waiting import eventually

TASK_API = "task_api: {hostname: tasks, workers: 1, timeout: 90, result_expires: 300}"
"""The service as most tests have it."""

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
            left = deadline - time.monotonic()
            status, answer = self.site.final(task_id, seconds=left, whatever_is_down=True)
            found = (status, answer["status"], answer.get("entropy"), answer.get("count"))
            assert found == (200, "COMPLETE", *expected(task)), answer.get("message")
        for task_id in self.tasks:
            assert self.site.ask("GET", f"/status/{task_id}")[0] == 200


def expected(task: dict[str, Any]) -> tuple[int, int]:
    """Return the entropy and the number of configurations of the tasks above."""
    return (3, 2) if task is EXAMPLE else (10, SLOW_COUNT)


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
    return fleet.ssh(node, "redis-cli", "-s", "/run/redis-task_api/redis.sock", *words).split()


def processes(fleet: Fleet, node: str) -> dict[str, dict[str, Any]]:
    """Return what `hubctl status` shows of the node's processes, by name."""
    (event,) = (each for each in fleet.done("status", node, "--json").events if each["event"] == "status")
    return {item["name"]: item for item in event["processes"]}
