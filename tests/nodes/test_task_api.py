"""task_api on a real node: whatever is killed, every accepted task ends once, with the right answer."""

import contextlib
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.machines import power_cycle
from tests.support.site import EXAMPLE
from tests.support.tasks import ENDLESS, Posted, busy, ended, processes, redis
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

MAIN = "systemctl kill --kill-whom=main --signal=KILL {unit}"
# The pool's processes are the children of the worker's main process.
POOL = "pkill -9 -P $(systemctl show --property=MainPID --value {unit})"
KILLS = {
    "the worker": ("task_api-worker", MAIN),
    "the worker with all it started": ("task_api-worker", "systemctl kill --signal=KILL {unit}"),
    "its pool": ("task_api-worker", POOL),
    "Redis": ("redis-server@task_api", MAIN),
    "Gunicorn": ("task_api", "systemctl kill --signal=KILL {unit}"),
}


@pytest.fixture
def site(deployed):
    return deployed.site("apis", "tasks")


@contextlib.contextmanager
def each_ends_once(fleet):
    """Redis counts every end of a task: as many as were accepted, and all of them complete."""
    before = ended(fleet, "apis")
    yield
    after = ended(fleet, "apis")
    news = {name: after[name] - before.get(name, 0) for name in after}
    accepted = news.pop("accepted")
    news.pop("recovered", None)
    assert accepted > 0
    assert {name: number for name, number in news.items() if number} == {"complete": accepted}


@pytest.mark.parametrize("victim", KILLS)
def test_what_is_killed_comes_back_and_no_task_is_lost(deployed, site, victim):
    name, kill = KILLS[victim]
    unit = processes(deployed, "apis")[name]["unit"]
    with each_ends_once(deployed):
        posted = busy(site)
        deployed.ssh("apis", "sh", "-c", kill.format(unit=unit))
        posted.assert_all_right()
    assert processes(deployed, "apis")[name]["active"] == "active"


def test_a_loss_of_power_loses_no_task_and_everything_starts_again(deployed, site):
    with each_ends_once(deployed):
        posted = busy(site)
        power_cycle(deployed, "apis")
        posted.assert_all_right()
    assert {
        name: item["active"]
        for name, item in processes(deployed, "apis").items()
        if name.startswith(("task_api", "redis"))
    } == {"task_api": "active", "task_api-worker": "active", "redis-server@task_api": "active"}
    shown = deployed.done("status").stdout
    assert re.search(r"^  task_api answers in \d+ ms$", shown, re.MULTILINE)
    assert re.search(r"^  task_api-queue answers in \d+ ms$", shown, re.MULTILINE)


def test_delete_stops_queued_and_running_tasks(deployed, site):
    for _ in range(3):
        posted = Posted(site)
        running = posted.post(ENDLESS)[0]
        queued = posted.post(ENDLESS, 2)
        eventually(lambda: posted.running(running), pause=0.05)  # noqa: B023
        for task in (*queued, running):
            started = time.monotonic()
            assert site.ask("DELETE", f"/terminate/{task}")[0] == 200
            status, answer = site.ask("GET", f"/status/{task}")
            assert (status, answer["status"]) == (401, "TBNException")
            assert time.monotonic() - started < 30
    # The one worker is free again, long before the time-out of what it was at.
    assert site.solve()[0] == 200


@pytest.mark.soak(short=2, full=10)
def test_tasks_of_fifty_clients_at_once_are_all_accepted_and_right(deployed, site, times, record_property):
    def client(number):
        copies = 1 + number % 4
        body = json.dumps({"monomers": [["a", "b"], ["a*", "b*"], ["a"], ["b"]] * copies})
        waits, accepted = [], []
        with contextlib.closing(site.connection(seconds=120)) as connection:
            ready.wait(120)
            for _ in range(times):
                started = time.monotonic()
                connection.request("POST", "/task", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                waits.append(time.monotonic() - started)
                assert answer.status == 202, text
                accepted.append(json.loads(text)["task_id"])
        return waits, accepted, 3 * copies

    ready = threading.Barrier(50)
    with each_ends_once(deployed):
        with ThreadPoolExecutor(50) as pool:
            clients = list(pool.map(client, range(50)))
        assert len({task for _, accepted, _ in clients for task in accepted}) == 50 * times
        deadline = time.monotonic() + 400
        for _, accepted, entropy in clients:
            for task in accepted:
                left = deadline - time.monotonic()
                status, answer = site.final(task, seconds=left, whatever_is_down=True)
                assert (status, answer["entropy"], answer["count"]) == (200, entropy, 1)
    seconds = sorted(wait for waits, _, _ in clients for wait in waits)
    record_property("accepted within, p50", f"{seconds[len(seconds) // 2] * 1000:.0f} ms")
    record_property("accepted within, p95", f"{seconds[len(seconds) * 95 // 100] * 1000:.0f} ms")


def test_tasks_are_begun_in_the_order_in_which_they_were_accepted(deployed, site):
    posted = busy(site, examples=12)
    posted.assert_all_right()
    times = [
        int(redis(deployed, "apis", "HGET", f"task_api:job:{task}", "started")[0]) for task in posted.tasks
    ]
    assert times == sorted(times)


def test_status_shows_the_processes_as_supervisorctl_does(deployed):
    shown = deployed.done("status").stdout
    known = processes(deployed, "apis")
    for name in ("task_api", "task_api-worker", "redis-server@task_api"):
        assert known[name]["active"] == "active"
        (line,) = (line.split() for line in shown.splitlines() if line.split()[:2] == [name, "RUNNING"])
        assert str(known[name]["pid"]) in line
        assert deployed.ssh("apis", "cat", f"/proc/{known[name]['pid']}/comm").strip()
        assert known[name]["uptime"] >= 0


def test_a_worker_restarted_by_name_is_another_process_and_loses_no_task(deployed, site):
    before = processes(deployed, "apis")
    with each_ends_once(deployed):
        posted = busy(site)
        deployed.done("restart", "apis", "task_api-worker")
        posted.assert_all_right()
    after = processes(deployed, "apis")
    changed = [name for name in after if after[name]["pid"] != before[name]["pid"]]
    assert changed == ["task_api-worker"]


def test_an_unknown_process_is_said_with_those_that_are_there(deployed):
    done = deployed.hubctl("restart", "apis", "task_apo")
    assert done.status != 0
    assert "task_api-worker" in done.stderr


def test_all_of_it_left_the_node_as_it_was_deployed(deployed):
    assert "0 changed" in deployed.done("deploy").stdout
    assert deployed.site("apis", "tasks").solve(EXAMPLE)[0] == 200
