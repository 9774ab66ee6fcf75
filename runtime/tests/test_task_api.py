"""The API as its clients see it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from openapi_spec_validator import validate

from .conftest import wait_until

GATE = [["a", "b", "c", "d"], ["a*", "b*", "c*"], ["b*", "c*", "d*"], ["a", "b"], ["c", "d"]]


def test_the_example_of_the_document(service: Any, example: Any) -> None:
    status, answer = service.client.outcome(service.client.post(**example))
    assert status == 200
    assert answer["status"] == "COMPLETE"
    assert (answer["entropy"], answer["count"]) == (3, 2)
    assert [config["polymers_count"] for config in answer["configs"]] == [3, 2]
    first = answer["configs"][0]["polymers"]
    assert first == [[["a", "b"], ["a*", "b*"]], [["a*", ">mon1"]], [["b*"]]]


def test_an_accepted_task_is_202_with_its_id_alone(service: Any, example: Any) -> None:
    status, answer = service.client.json("POST", "/task", example)
    assert status == 202
    assert list(answer) == ["task_id"]


def test_the_order_of_monomers_does_not_change_the_answer(service: Any) -> None:
    posted = [service.client.post(monomers=rows, gen=20) for rows in (GATE, GATE[::-1], GATE[2:] + GATE[:2])]
    answers = [service.client.outcome(task) for task in posted]
    assert answers[0][0] == 200
    assert answers[0] == answers[1] == answers[2]


def test_progress_is_shown_while_a_task_runs(service: Any, endless: Any) -> None:
    task = service.client.post(**endless)
    seen = []
    while len({count for count, _ in seen}) < 3:
        status, answer = service.client.status(task)
        assert (status, answer["status"]) == (202, "Progress")
        assert set(answer) == {"status", "count", "k"}
        seen.append((answer["count"], answer["k"]))
        assert len(seen) < 2000
        time.sleep(0.01)
    assert seen == sorted(seen)
    service.client.json("DELETE", f"/terminate/{task}")
    status, answer = service.client.status(task)
    assert (status, answer["status"]) == (401, "TBNException")
    count, polymers = seen[-1]
    prefix = "Early Termination at count ["
    assert answer["message"].startswith(prefix)
    assert int(answer["message"].removeprefix(prefix).split("]")[0]) >= count
    assert answer["message"].endswith(f"min polymers [{polymers}].")


@pytest.mark.parametrize("url", ["/status/none", "/status/00000000-0000-0000-0000-000000000000"])
def test_an_unknown_task_is_not_found(service: Any, url: str) -> None:
    status, answer = service.client.json("GET", url)
    assert (status, answer["status"]) == (404, "NotFound")


def test_terminating_an_unknown_task_is_not_found(service: Any) -> None:
    assert service.client.json("DELETE", "/terminate/none")[0] == 404


def test_a_time_out_answers_with_what_was_found(make_service: Any, endless: Any) -> None:
    service = make_service(timeout=2)
    status, answer = service.client.outcome(service.client.post(**endless))
    assert (status, answer["status"]) == (400, "TimedOut")
    assert answer["count"] == len(answer["configs"]) > 0
    assert answer["entropy"] >= answer["configs"][0]["polymers_count"] > 0
    assert "2 s" in answer["message"]


def test_a_result_expires(make_service: Any, example: Any) -> None:
    service = make_service(result_expires=1)
    task = service.client.post(**example)
    service.client.outcome(task)
    deadline = time.monotonic() + 20
    while service.client.status(task)[0] != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert task not in json.dumps(service.client.json("GET", "/tasks")[1])


def test_a_network_that_is_wrong_is_401_with_its_message(service: Any) -> None:
    wrong = {
        "Input contains no monomers.": {"monomers": []},
        "Duplicate Monomer name. 'a* >t'": {"monomers": [["a", ">t"], ["a*", ">t"]]},
        "Minimum Polymers [9] exceeds the max entropy of TBN system. "
        "No Results can be computed. Choose a lower value.": {"monomers": [["a"]], "init_k": 9},
        "Invalid Constraint 'NEAR'. 'NEAR x'": {"monomers": [["a"]], "constraints": [["NEAR", "x"]]},
    }
    for message, request in wrong.items():
        status, answer = service.client.outcome(service.client.post(**request))
        assert (status, answer) == (401, {"status": "TBNException", "message": message})


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"monomers": [["a", 1]]}, "monomers[0][1]", "expected `str`, got `int`"),
        ({"gen": 1}, "monomers", "missing required field"),
        ({"monomers": "a"}, "monomers", "expected `array`"),
        ({"monomers": [], "gen": "2"}, "gen", "expected `int`"),
        ({"monomers": [], "gen": True}, "gen", "expected `int`"),
        ({"monomers": [], "gen": -1}, "gen", ">= 0"),
        ({"monomers": [], "gen": 10**9}, "gen", "at most"),
        ({"monomers": [], "init_k": None}, "init_k", "expected `int`"),
        ({"monomers": [], "constraint": []}, "constraint", "unknown field"),
        ({"monomers": [], "constraints": [["FREE", 3]]}, "constraints[0][1]", "expected `str`"),
        ({"monomers": [], "semantics": "x"}, "semantics", "'x': expected bonds or partition"),
        ({"monomers": [], "init_k": 10**17}, "init_k", "<= 1000000000"),
        ({"monomers": [["a b"] * 1000] * 40}, "monomers", "at most"),
        ([], "", "expected `object`"),
    ],
)
def test_a_malformed_body_names_the_field(service: Any, body: Any, field: str, says: str) -> None:
    status, answer = service.client.json("POST", "/task", body)
    assert (status, answer["status"], answer["field"]) == (400, "BadRequest", field)
    assert says in answer["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"monomers": [["\\ud800"]]}', b"nonsense"])
def test_a_body_that_is_not_json_is_refused(service: Any, body: bytes) -> None:
    status, _, answer = service.client.call("POST", "/task", body, {"Content-Type": "application/json"})
    assert status == 400
    assert json.loads(answer)["status"] == "BadRequest"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"monomers": [["\\ud800"]]}', "half of a surrogate pair"),
        (b'{"monomers": [["\\udc00 b"]]}', "half of a surrogate pair"),
        (b'{"monomers": [], "gen": ' + b"1" * 4300 + b"}", "expected `int` <= 1000000000"),
        (b'{"monomers": [], "' + b"x" * 5000 + b'": 1}', "unknown field `xxx"),
        (b'{"monomers": [], "semantics": "' + b"x" * 5000 + b'"}', "expected bonds or partition"),
    ],
)
def test_what_is_wrong_is_said_in_one_short_sentence(service: Any, body: bytes, says: str) -> None:
    status, _, text = service.client.call("POST", "/task", body, {"Content-Type": "application/json"})
    answer = json.loads(text)
    assert (status, answer["status"]) == (400, "BadRequest")
    assert says in answer["message"]
    assert len(text) < 600


def test_messages_repeat_the_beginning_of_a_long_row_alone(service: Any) -> None:
    for row in (["a" * 100_000 + ":"], ["a" * 100_000, ">"]):
        status, answer = service.client.outcome(service.client.post(monomers=[row]))
        assert (status, answer["status"]) == (401, "TBNException")
        assert len(answer["message"]) < 400
    constraint = ["PAIRED", "s" * 100_000, "t"]
    answer = service.client.outcome(service.client.post(monomers=[["a"]], constraints=[constraint]))[1]
    assert len(answer["message"]) <= 1_000


def test_errors_of_http_are_json_too(service: Any) -> None:
    declared = {"Content-Type": "application/json"}
    calls = {
        415: ("POST", "/task", b"{}", {}),
        413: ("POST", "/task", b" " * 2_000_001, declared),
        404: ("GET", "/nothing", None, {}),
        405: ("GET", "/task", None, {}),
    }
    for expected, (method, url, body, headers) in calls.items():
        status, answered, text = service.client.call(method, url, body, headers)
        assert status == expected
        assert answered["Content-Type"] == "application/json"
        assert json.loads(text)["message"]


def test_a_full_queue_is_said(make_service: Any, example: Any) -> None:
    service = make_service(worker=False, limits={"queued": 2})
    service.client.post(**example)
    service.client.post(**example)
    status, headers, _ = service.client.call(
        "POST", "/task", json.dumps(example).encode(), {"Content-Type": "application/json"}
    )
    assert status == 503
    assert int(headers["Retry-After"]) > 0


def test_only_the_origins_of_the_settings_may_read(service: Any) -> None:
    allowed = {"Origin": "https://lab.example"}
    _, headers, _ = service.client.call("GET", "/health", headers=allowed)
    assert headers["Access-Control-Allow-Origin"] == "https://lab.example"
    _, headers, _ = service.client.call("OPTIONS", "/task", headers=allowed)
    assert "POST" in headers["Access-Control-Allow-Methods"]
    _, headers, _ = service.client.call("GET", "/health", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in headers


def test_the_operator_sees_tasks_workers_and_counts(service: Any, example: Any) -> None:
    task = service.client.post(**example)
    service.client.outcome(task)
    status, answer = service.client.json("GET", "/tasks")
    assert status == 200
    newest = answer["tasks"][0]
    assert (newest["task_id"], newest["state"], newest["attempts"]) == (task, "complete", 1)
    assert newest["created"] <= newest["started"] <= newest["finished"]
    assert answer["counts"]["queued"] == 0
    assert [worker["concurrency"] for worker in answer["workers"].values()] == [2]


@pytest.mark.parametrize("url", ["/tasks", "/metrics"])
def test_nobody_lists_tasks_through_the_proxy_without_the_token(make_service: Any, url: str) -> None:
    service = make_service(worker=False, operator_token="s3cret")
    proxied = {"X-Forwarded-For": "192.0.2.1"}
    assert service.client.call("GET", url)[0] == 200
    assert service.client.call("GET", url, headers=proxied)[0] == 403
    wrong = {**proxied, "Authorization": "Bearer guess"}
    assert service.client.call("GET", url, headers=wrong)[0] == 403
    right = {**proxied, "Authorization": "Bearer s3cret"}
    assert service.client.call("GET", url, headers=right)[0] == 200


def _worked(service: Any) -> tuple[int, Any] | None:
    """What health says once the worker is up, which the API does not wait for."""
    status, answer = service.client.json("GET", "/health")
    return (status, answer) if status != 200 or answer["workers"] else None


def test_health_says_what_runs(service: Any) -> None:
    status, answer = wait_until(lambda: _worked(service))
    assert status == 200
    assert (answer["status"], answer["redis"], answer["workers"]) == ("ok", "ok", 1)


def test_the_worker_can_be_asked_whether_it_is_well(make_service: Any, example: Any) -> None:
    service = make_service()
    service.client.outcome(service.client.post(**example))
    command = [sys.executable, "-m", "hub_runtime.task_api.health"]

    def asked(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *options], env=service.env, capture_output=True, text=True)

    assert asked().returncode == 0
    other = asked("--release", "r9")
    assert (other.returncode, "r9" in other.stderr) == (1, True)
    service.redis.kill()
    service.redis.wait()
    gone = asked()
    assert (gone.returncode, "out of reach" in gone.stderr) == (1, True)


def test_metrics_count_what_happened(service: Any, example: Any) -> None:
    def value(name: str) -> int:
        _, _, text = service.client.call("GET", "/metrics")
        lines = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
        return int(lines[name])

    ended = 'task_api_tasks_ended_total{state="complete"}'
    before = value("task_api_tasks_accepted_total"), value(ended)
    service.client.outcome(service.client.post(**example))
    assert (value("task_api_tasks_accepted_total"), value(ended)) == (before[0] + 1, before[1] + 1)


def test_the_description_is_valid_openapi_and_names_every_route(service: Any) -> None:
    _, document = service.client.json("GET", "/openapi.json")
    validate(document)
    assert set(document["paths"]) == {
        "/task", "/status/{task_id}", "/terminate/{task_id}", "/tasks", "/health", "/metrics", "/openapi.json",
    }  # fmt: skip
    assert set(document["paths"]["/status/{task_id}"]["get"]["responses"]) == {
        "200", "202", "400", "401", "402", "404", "429", "503",
    }  # fmt: skip
    for limit in ("2,000,000 bytes", "342 monomers", "400,000 bonds", "128,000,000 bytes in all"):
        assert limit in document["info"]["description"]
