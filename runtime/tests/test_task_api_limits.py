"""What strangers can take is bounded, and what was accepted or found is never lost to a bound."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import string
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from hub_runtime.task_api.app import client_of, create_app
from hub_runtime.task_api.settings import Settings
from hub_runtime.task_api.store import OVERHEAD, Accepted, Store

from .conftest import Service, children, wait_until

LETTERS = string.ascii_letters + string.digits
chance = random.Random(7)
BIG = [["a", "# " + "x" * 100_000]]


def post(service: Any, client: str, monomers: Any = BIG) -> tuple[int, dict[str, str], Any]:
    """Post a task as the web server passes it on."""
    headers = {"Content-Type": "application/json", "X-Forwarded-For": client}
    body = json.dumps({"monomers": monomers}).encode()
    status, answered, text = service.client.call("POST", "/task", body, headers)
    return status, answered, json.loads(text)


def fill(service: Any, used: int = 24) -> None:
    """Let Redis have 24 MB, of which so many are in use by something else."""
    service.database.set("ballast", b"x" * (used << 20))
    service.database.config_set("maxmemory", "24mb")


def empty(service: Any) -> None:
    service.database.config_set("maxmemory", 0)
    service.database.delete("ballast")


def waiting(service: Any) -> dict[bytes, bytes]:
    return service.database.hgetall("task_api:waiting")


def test_one_client_cannot_take_the_room_of_others(make_service: Any) -> None:
    service = make_service(worker=False, limits={"client_bytes": 350_000, "waiting_bytes": 500_000})
    assert [post(service, "192.0.2.1")[0] for _ in range(4)] == [202, 202, 202, 429]
    status, headers, answer = post(service, "192.0.2.1")
    assert (status, answer["status"]) == (429, "Error")
    assert int(headers["Retry-After"]) > 0
    assert [post(service, "192.0.2.2")[0] for _ in range(2)] == [202, 503]
    service.start_worker()
    wait_until(lambda: not waiting(service))
    assert post(service, "192.0.2.1")[0] == 202


def test_whatever_ends_a_task_gives_its_share_back(make_service: Any, endless: Any) -> None:
    service = make_service(worker=False)
    task = post(service, "192.0.2.1")[2]["task_id"]
    service.client.post(**endless)
    assert set(waiting(service)) == {b"all", b"192.0.2.1", b"local"}
    assert int(waiting(service)[b"192.0.2.1"]) > OVERHEAD + 100_000
    service.client.json("DELETE", f"/terminate/{task}")
    assert set(waiting(service)) == {b"all", b"local"}
    service.database.delete(*service.database.keys("task_api:job:*"))  # as a release from before would end it
    service.start_worker()
    wait_until(lambda: not waiting(service))


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (None, "local"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("::1", "::/64"),
        ("192.0.2.7, 192.0.2.8", "unknown"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_one_customer(forwarded: Any, client: str) -> None:
    assert client_of(forwarded) == client


def test_a_full_redis_is_said_and_nothing_is_lost_to_it(make_service: Any, endless: Any) -> None:
    service = make_service(timeout=8, workers=1)
    running, queued = service.client.post(**endless), service.client.post(monomers=[["a"]])
    wait_until(lambda: service.client.status(running)[1]["count"])
    fill(service)
    status, headers, answer = post(service, "192.0.2.1", [["a"]])
    assert (status, answer["status"]) == (503, "Error")
    assert int(headers["Retry-After"]) > 0
    assert service.client.json("GET", "/health")[0] == 200
    # Its lease is renewed for longer than one lasts; of its answer, what fits a few kilobytes is kept.
    status, answer = service.client.outcome(running)
    assert status == 402
    assert answer["count"] == len(answer["configs"])
    assert "no room" in answer["message"]
    assert service.client.json("DELETE", f"/terminate/{queued}")[0] == 200
    empty(service)
    assert service.client.outcome(service.client.post(monomers=[["a"]]))[0] == 200
    assert service.worker.poll() is None
    assert "Traceback" not in service.log("api")


def test_a_worker_outlives_a_redis_that_is_full_when_it_starts(make_service: Any) -> None:
    service = make_service(worker=False)
    task = service.client.post(monomers=[["a"]])
    fill(service)
    service.start_worker()
    wait_until(lambda: "command not allowed" in service.log("worker"))
    empty(service)
    assert service.client.outcome(task)[0] == 200
    assert service.worker.poll() is None


def test_a_task_that_a_slow_redis_took_though_its_post_was_refused_is_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(folder)
    service.start_redis()
    taken = Store.accept

    def too_late(*about: Any) -> None:
        assert taken(*about) is Accepted.YES
        raise redis.TimeoutError

    monkeypatch.setattr(Store, "accept", too_late)
    app = create_app(Settings(redis_url=f"unix://{service.redis_socket}"))
    try:
        refused = app.test_client().post("/task", json={"monomers": [["a"]]})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert app.test_client().get("/tasks").json["tasks"] == []
        assert waiting(service) == {}
    finally:
        service.end()


def test_an_answer_without_room_is_given_in_part(make_service: Any) -> None:
    service = make_service()
    fill(service, used=6)
    rows = [["a", f"{number}" + "".join(chance.choices(LETTERS, k=2_000))] for number in range(100)]
    status, answer = service.client.outcome(service.client.post(monomers=[*rows, ["a*"]], gen=100))
    assert (status, answer["status"]) == (402, "Exception")
    assert 0 < answer["count"] == len(answer["configs"]) < 100
    assert f"all 100 configurations found: these are the first {answer['count']}." in answer["message"]


def test_large_answers_asked_for_at_once_are_never_whole_in_memory(make_service: Any) -> None:
    service = make_service(worker=False)
    answer = json.dumps({"status": "COMPLETE", "configs": ["x" * 20_000_000]}).encode()
    record = {"state": "complete", "created": 1, "body": zlib.compress(answer, 1)}
    service.database.hset("task_api:job:large", mapping=record)

    def most() -> int:
        """Kilobytes that the API's processes had at most."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in children(service.api.pid)]
        return sum(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in texts)  # type: ignore[index]

    before = most()
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda _: len(service.client.call("GET", "/status/large")[2]), range(8)))
    assert sizes == [len(answer)] * 8
    assert most() - before < 60_000


def test_what_was_found_is_given_whatever_ends_the_task(make_service: Any, endless: Any) -> None:
    service = make_service(limits={"result_bytes": 10_000})
    status, answer = service.client.outcome(service.client.post(**endless))
    assert (status, answer["status"]) == (402, "Exception")
    assert answer["message"].startswith("The answer is larger than 10000 bytes")
    assert answer["count"] == len(answer["configs"]) > 5
    assert len(json.dumps(answer["configs"], separators=(",", ":"))) <= 10_000 + 2
    assert answer["entropy"] >= answer["configs"][0]["polymers_count"]
    status, answer = service.client.outcome(
        service.client.post(monomers=[["a", "a"], ["a*", "a*"]] * 175, gen=2)
    )
    assert (status, answer["count"], answer["entropy"]) == (402, 1, 175)
    assert "too large" in answer["message"]
    assert "Error" not in answer["message"]


def test_what_was_found_is_given_though_its_solver_is_killed(make_service: Any, endless: Any) -> None:
    service = make_service()
    task = service.client.post(**endless, init_k=1)
    wait_until(service.solvers)
    for solver in service.solvers():
        os.kill(solver, signal.SIGKILL)
    status, answer = service.client.outcome(task)
    assert (status, set(answer)) == (402, {"status", "message", "configs", "count", "entropy"})


def test_posts_of_many_clients_at_once_never_exceed_the_bounds(make_service: Any) -> None:
    service = make_service(worker=False, limits={"client_bytes": 400_000, "waiting_bytes": 2_000_000})
    with ThreadPoolExecutor(10) as pool:
        posted = list(pool.map(lambda i: post(service, f"192.0.2.{i % 10}"), range(100)))
    answers = Counter(status for status, _, _ in posted)
    assert {202, 503} <= set(answers) <= {202, 429, 503}, posted
    sums = {name.decode(): int(value) for name, value in waiting(service).items()}
    assert sums.pop("all") == sum(sums.values()) <= 2_000_000
    assert max(sums.values()) <= 400_000
    service.start_worker()
    wait_until(lambda: not waiting(service), 120)
    assert service.client.json("GET", "/tasks")[1]["counts"]["complete"] == answers[202], posted
