"""What is asked of the engine, and what its events mean to the operator."""

import contextlib
import io
import json

import msgspec
import pytest

from provision.actions import job as job_module
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.errors import Exit, HubError
from provision.inventory.load import load
from provision.output import Output
from provision.transport.events import Event

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
sizes: {small: s-1vcpu-2gb}
nodes:
  apis: {size: small, image: debian-13-x64, services: {}}
"""
END = {"event": "end", "ok": 3, "changed": 1, "failed": 0, "seconds": 0.5, "result": "done"}
CHANGED = {
    "event": "resource",
    "id": "file:/etc/a",
    "status": "changed",
    "changes": [{"what": "content", "diff": "-a\n+b\n"}, {"what": "mode 0600 → 0644", "diff": ""}],
    "seconds": 0.1,
}


def event_of(fields):
    """Return an event as it is read from what a node says."""
    return msgspec.json.decode(json.dumps(fields), type=Event)


class Engine:
    """An engine that gives the events and the status it is told."""

    def __init__(self, monkeypatch):
        self.manifests, self.events, self.status, self.error = [], [END], 0, None
        monkeypatch.setattr(job_module, "run_engine", self.run)
        monkeypatch.setattr(job_module, "start", lambda session: session)
        monkeypatch.setattr(job_module, "connect", lambda target: contextlib.nullcontext())
        monkeypatch.setattr(LoadedFleet, "target", lambda self, node, key_file=None: node)

    def run(self, session, manifest, *, blobs, on_event):
        self.manifests.append(manifest)
        for event in self.events:
            on_event(event_of(event))
        if self.error:
            raise self.error
        return self.status


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.delenv("HUBCTL_FAULT", raising=False)
    return Engine(monkeypatch)


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    return LoadedFleet(load(path), path)


@pytest.fixture
def output():
    return Output(io.StringIO(), io.StringIO())


def shown(output):
    return output._progress._stream.getvalue()


def test_a_request_says_who_asks_from_where_and_by_which_command(engine, loaded, output, monkeypatch):
    monkeypatch.setattr(job_module.getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(job_module.socket, "gethostname", lambda: "laptop")
    Job(loaded, Caller("deploy apis", lock_wait=5), output).ask("converge", "apis", apply=True)
    (manifest,) = engine.manifests
    run = manifest.pop("run")
    assert manifest == {
        "format": 1,
        "op": "converge",
        "fleet": "lab",
        "node": "apis",
        "lock_wait": 5,
        "apply": True,
    }
    assert (run["who"], run["from"], run["command"]) == ("ann@laptop", "laptop", "deploy apis")
    assert run["started"].endswith("+00:00")
    Job(loaded, Caller("deploy apis"), output).ask("converge", "apis")
    assert engine.manifests[1]["run"]["id"] != run["id"]


def test_a_job_of_github_says_so_where_a_person_names_the_computer(engine, loaded, output, monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "lab/fleet")
    monkeypatch.setenv("GITHUB_RUN_ID", "17")
    Job(loaded, Caller("deploy"), output).ask("converge", "apis")
    assert engine.manifests[0]["run"]["from"] == "https://github.com/lab/fleet/17"


def test_a_fault_is_passed_on_only_when_a_test_asks_for_it(engine, loaded, output, monkeypatch):
    Job(loaded, Caller("deploy"), output).ask("converge", "apis")
    monkeypatch.setenv("HUBCTL_FAULT", "file:/etc/a:after")
    Job(loaded, Caller("deploy"), output).ask("converge", "apis")
    assert [manifest.get("fault") for manifest in engine.manifests] == [None, "file:/etc/a:after"]


def test_the_outcome_counts_and_keeps_the_changes(engine, loaded, output):
    engine.events = [CHANGED, {**CHANGED, "status": "ok", "changes": []}, END]
    outcome = Job(loaded, Caller("deploy"), output).ask("converge", "apis")
    assert (outcome.ok, outcome.changed, outcome.failed, outcome.seconds) == (3, 1, 0, 0.5)
    assert [change.id for change in outcome.changes] == ["file:/etc/a"]
    assert outcome.error is None
    assert "apis: changed file:/etc/a (content, mode 0600 → 0644)" in shown(output)


def test_an_answer_is_the_outcomes_data(engine, loaded, output):
    engine.events = [{"event": "data", "data": {"holder": None}}, END]
    assert Job(loaded, Caller("lock status"), output).ask("lock-status", "apis").data.holder is None


def test_the_engines_error_names_node_and_resource_and_comes_before_all_later_ones(engine, loaded, output):
    error = {
        "event": "error",
        "id": "unit:a.service",
        "code": "unit-failed",
        "message": "a fell",
        "why": "x\ny",
    }
    engine.events = [{**error, "hint": "look"}, {**error, "message": "later", "hint": ""}, END]
    engine.status = 1
    error = Job(loaded, Caller("deploy"), output).ask("converge", "apis").error
    assert error.message == "apis: unit:a.service: a fell"
    assert (error.code, error.why, error.hint) == ("unit-failed", "x\ny", "look")
    assert error.exit_code == Exit.FAILED


def test_a_lock_says_who_holds_it_and_how_to_wait(engine, loaded, output):
    holder = {
        "who": "ann@laptop",
        "from": "laptop",
        "command": "deploy apis",
        "started": "2026-01-01T00:00:00",
    }
    engine.events, engine.status = [{"event": "locked", "holder": holder}, {**END, "result": "locked"}], 75
    error = Job(loaded, Caller("deploy"), output).ask("converge", "apis").error
    assert error.exit_code == Exit.LOCKED
    assert error.message == "apis is locked by ann@laptop"
    assert error.why == "`deploy apis` since 2026-01-01T00:00:00 from laptop"
    assert "--lock-wait" in error.hint
    assert "hubctl lock status apis" in error.hint


def test_a_run_that_was_stopped_is_an_error_that_says_to_run_again(engine, loaded, output):
    engine.events, engine.status = [{**END, "result": "interrupted"}], 3
    error = Job(loaded, Caller("deploy apis"), output).ask("converge", "apis").error
    assert error.message == "`deploy apis` stopped on apis before its end"
    assert "again" in error.hint


def test_what_the_engine_said_counts_more_than_that_its_connection_broke(engine, loaded, output):
    engine.error = HubError("connection-lost", "lost", exit_code=Exit.UNREACHABLE)
    assert Job(loaded, Caller("deploy"), output).ask("converge", "apis").error.code == "connection-lost"
    engine.events = [{"event": "error", "id": "", "code": "disk-full", "message": "full"}]
    assert Job(loaded, Caller("deploy"), output).ask("converge", "apis").error.code == "disk-full"


def test_events_are_passed_on_as_json_but_an_answer_is_not_which_the_command_shows(engine, loaded):
    stdout = io.StringIO()
    engine.events = [CHANGED, {"event": "data", "data": {"holder": None}}, END]
    output = Output(stdout, io.StringIO(), json=True)
    Job(loaded, Caller("lock status"), output).ask("lock-status", "apis")
    shown = [json.loads(line) for line in stdout.getvalue().splitlines()]
    assert [(each["event"], each["node"]) for each in shown] == [("engine", "apis")] * 2
    assert [each["detail"] for each in shown] == [CHANGED, {**END, "pending": []}]


def test_what_a_node_says_in_a_line_stays_one(engine, loaded, output):
    forged = "file:/etc/a\nother: changed everything\u2028::error::x"
    engine.events = [{**CHANGED, "id": forged}, {"event": "error", "code": "bad", "message": forged}, END]
    error = Job(loaded, Caller("deploy"), output).ask("converge", "apis").error
    assert len(shown(output).splitlines()) == 1
    assert len(error.message.splitlines()) == 1
