"""What a node may say: events of known kinds and types, in bounds; anything else is one error of that node."""

import contextlib
import io
import itertools
import json
import re

import pytest

from provision.actions import job as job_module
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.errors import HubError
from provision.inventory.load import load
from provision.output import Output
from provision.transport import engine as protocol
from provision.transport import events

from .test_job import INVENTORY

BLOB = "a" * 64
END = {"event": "end", "ok": 0, "changed": 0, "failed": 0, "seconds": 0.1, "result": "done", "pending": []}
HOLDER = {
    "who": "ann",
    "from": "x",
    "command": "deploy",
    "started": "now",
    "since": "now",
    "id": "1",
    "pid": 7,
}
RUN = {
    "id": "1",
    "who": "ann",
    "from": "x",
    "command": "deploy",
    "started": "now",
    "begun": "now",
    "ended": "now",
    "result": "done",
    "ok": 1,
    "changed": ["a"],
    "changes": [{"id": "a", "what": ["content"]}],
    "failed": ["b"],
}
SAID = [
    {"event": "start", "total": 1, "pending": ["unit:a"]},
    {
        "event": "resource",
        "id": "file:/a",
        "status": "changed",
        "changes": [{"what": "content", "diff": "+a"}],
        "seconds": 0.1,
    },
    {"event": "unit", "name": "a.service", "action": "restart", "why": ["file:/a"]},
    {"event": "progress", "id": "a", "text": "half"},
    {"event": "need", "blobs": [BLOB]},
    {"event": "locked", "holder": HOLDER},
    {"event": "error", "id": "a", "code": "bad", "message": "no", "why": "so", "hint": "do"},
    END,
]
ANSWERS = {
    "ask": {"problem": "", "silent": False, "ms": 1.5},
    "history": {"runs": [RUN]},
    "lock-status": {"holder": HOLDER},
    "lock-release": {"holder": HOLDER, "released": True},
    "packages-list": {"added": [{"name": "emoji", "asked": "emoji<2", "version": "1.7.0"}]},
    "releases": {
        "releases": [
            {
                "service": "hub",
                "release": "1",
                "made": "now",
                "bundle": BLOB,
                "current": True,
                "previous": False,
                "healthy": True,
            }
        ]
    },
    "status": {
        "processes": [
            {
                "name": "a",
                "unit": "a.service",
                "active": "active",
                "sub": "running",
                "pid": 7,
                "uptime": 60,
                "restarts": 0,
            }
        ],
        "services": {"a": {"problem": "", "silent": False, "ms": 1.5}},
        "releases": {"hub": "1"},
        "certificates": {"a": 60.0},
        "disk": {"size": 10, "free": 5},
        "load": [0.1, 0.2, 0.3],
        "lock": HOLDER,
        "pending": ["a"],
        "down": ["a.service: failed"],
        "missing": ["a"],
        "last": RUN,
    },
}
WRONG = ([], {}, None, "text", -1, 1e300, True, [[]], [{}], {"a": {}})
STATUS = {"done": 0, "failed": 1, "interrupted": 3, "locked": 75}


class Session:
    """A session whose other end says what it is told."""

    def __init__(self, said, status, step=7):
        self.said, self.status, self.sent, self.closed, self.step = said, status, [], False, step
        self.target = self
        self.pin = self
        self.node = "apis"

    def send(self, channel, data):
        self.sent.append(data)

    def pieces(self, channel, stderr):
        return (self.said[at : at + self.step] for at in range(0, len(self.said), self.step))

    def ended(self, channel, stderr):
        return self.status, "a complaint"

    def close(self):
        self.closed = True


@pytest.fixture
def job(tmp_path, monkeypatch):
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    monkeypatch.setattr(LoadedFleet, "target", lambda self, node, key_file=None: node)
    return Job(LoadedFleet(load(path), path), Caller("deploy"), Output(io.StringIO(), io.StringIO()))


@pytest.fixture
def ask(job, monkeypatch):
    """Ask a node that says the given bytes; return what came of it."""

    def ask(said, *, op="converge", status=0, step=1 << 16):
        session = Session(said, status, step)
        monkeypatch.setattr(job_module, "connect", lambda target: contextlib.nullcontext(session))
        monkeypatch.setattr(job_module, "start", lambda session: protocol.Engine(session, session))
        outcome = job.ask(op, "apis", blobs={BLOB: lambda: b"content"})
        assert session.closed
        outcome.sent = session.sent[1:]
        return outcome

    return ask


def lines(*said):
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def code(outcome):
    assert outcome.error is None or isinstance(outcome.error, HubError)
    return outcome.error.code if outcome.error else ""


def places(value, path=()):
    """Yield the path to each value in a piece of JSON, its parts first."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, key))
    if path:
        yield path


def replaced(value, path, new):
    found = json.loads(json.dumps(value))
    here = found
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = new
    return found


def at(value, path):
    for key in path:
        value = value[key]
    return value


def wrong_ones(value):
    """Yield a value with each of its parts replaced by each thing of another kind, and what was replaced."""
    for path, wrong in itertools.product(places(value), WRONG):
        before = at(value, path)
        alike = isinstance(before, int | float) and isinstance(wrong, int | float)
        empty = isinstance(before, list | dict) and wrong in ([], {})
        if type(before) is not type(wrong) and not alike and not empty:
            yield replaced(value, path, wrong), path


def test_all_that_the_engine_says_is_understood_however_it_is_cut(ask):
    for step in (1, 3, 1 << 16):
        outcome = ask(lines(*SAID[:5], END), step=step)
        assert code(outcome) == ""
        assert [change.id for change in outcome.changes] == ["file:/a"]
        assert outcome.sent == [len(b"content").to_bytes(8, "big") + b"content"]
    assert code(ask(lines(*SAID[:7], {**END, "result": "failed"}), status=1)) == "locked"


@pytest.mark.parametrize("op", ANSWERS)
def test_each_operation_is_answered_in_its_own_words(ask, op):
    outcome = ask(lines({"event": "data", "data": ANSWERS[op]}, END), op=op)
    assert code(outcome) == ""
    assert outcome.data is not None


@pytest.mark.parametrize("said", SAID, ids=lambda said: said["event"])
def test_a_field_of_another_type_is_one_error_of_the_node(ask, said):
    """A null where nothing may be said, too, and what is missing."""
    tried = 0
    for wrong, path in wrong_ones(said):
        outcome = ask(lines(wrong, END))
        tried += 1
        if path != ("holder", "pid") or at(wrong, path) is not None:
            assert code(outcome) == "engine-garbled", wrong
            assert "apis" in outcome.error.message
    assert tried > 10


@pytest.mark.parametrize("op", ANSWERS)
def test_an_answer_of_other_types_is_one_error_of_the_node(ask, op):
    nullable = ("holder", "lock", "last", "pid")
    for wrong, path in wrong_ones(ANSWERS[op]):
        if path[-1] in nullable and at(wrong, path) is None:
            continue
        outcome = ask(lines({"event": "data", "data": wrong}, END), op=op)
        if isinstance(at(wrong, path), dict) and code(outcome) == "":
            continue  # an object where all fields may be missing
        assert code(outcome) == "engine-garbled", wrong


GARBLED = {
    "list": b"[]\n",
    "object": b"{}\n",
    "null": b"null\n",
    "text": b'"end"\n',
    "nothing but a line": b"\n",
    "no JSON": b"Welcome to Debian!\n",
    "another event": lines({"event": "novelty"}),
    "no UTF-8": b'{"event":"progress","id":"","text":"\xff"}\n',
    "half a character": b'{"event":"progress","id":"","text":"\\ud800"}\n',
    "deep": b"[" * 100_000 + b"\n",
    "deep in an unknown field": b'{"event":"start","total":1,"x":' + b"[" * 100_000 + b"\n",
    "deep answer": b'{"event":"data","data":' + b'{"a":' * 100_000 + b"\n",
    "a number without bounds": b'{"event":"start","total":' + b"9" * 5000 + b"}\n",
    "a count below nothing": lines({"event": "start", "total": -1}),
    "infinity": b'{"event":"end","ok":1,"changed":0,"failed":0,"seconds":Infinity,"result":"done"}\n',
    "a code that is none": lines({"event": "error", "code": "x\n::set-output name=a::b", "message": "m"}),
    "an unknown blob": lines({"event": "need", "blobs": ["b" * 64]}),
    "a blob twice": lines({"event": "need", "blobs": [BLOB, BLOB]}),
    "a file": lines({"event": "need", "blobs": ["/etc/shadow"]}),
    "more after the end": lines(END, SAID[0]),
    "two ends": lines(END, END),
    "another status than the end's": lines({**END, "result": "failed"}),
}


@pytest.mark.parametrize("said", GARBLED.values(), ids=GARBLED)
def test_what_the_engine_never_says_is_one_error_of_the_node(ask, said):
    outcome = ask(said + lines(END))
    assert code(outcome) == "engine-garbled"
    assert outcome.error.message == "what answers on apis is not hubctl's engine"
    first, *_, last = re.findall("`hubctl ([^`]*)`", outcome.error.hint)
    assert (first, last) == ("run apis -- true", "create-node apis")
    assert len(outcome.error.why) < 1000


def test_too_much_of_anything_is_one_error_of_the_node(ask, monkeypatch):
    monkeypatch.setattr(events, "LONGEST_LINE", 1000)
    monkeypatch.setattr(events, "MOST_BYTES", 100_000)
    monkeypatch.setattr(events, "MOST_EVENTS", 100)
    assert "a line of more than 1,000 bytes" in ask(b"x" * 2000, step=100).error.why
    progress = lines({"event": "progress", "text": "x" * 500})
    assert "more than 100 things" in ask(progress * 150).error.why
    monkeypatch.setattr(events, "MOST_EVENTS", 10_000)
    assert "more than 100,000 bytes" in ask(progress * 250, step=1000).error.why


@pytest.mark.parametrize("status", [0, 1, 3, 75, 126, 255])
@pytest.mark.parametrize("said", [b"", lines(SAID[0]), lines(END)[:-5]], ids=["nothing", "begin", "half"])
def test_an_answer_without_its_end_is_no_success_whatever_its_status(ask, said, status):
    outcome = ask(said, status=status)
    assert code(outcome) == "engine-died"
    assert f"with status {status}" in outcome.error.message


@pytest.mark.parametrize(("result", "status"), STATUS.items())
def test_only_an_end_that_says_done_is_a_success(ask, result, status):
    outcome = ask(lines({**END, "result": result}), status=status)
    assert code(outcome) == ("" if result == "done" else "stopped")


@pytest.mark.parametrize("op", ANSWERS)
def test_an_end_without_an_answer_is_no_answer(ask, op):
    assert code(ask(lines(END), op=op)) == "engine-garbled"


def test_a_command_that_names_a_thousand_nodes_is_kept_short_and_one_kept_long_is_understood(ask):
    command = "deploy " + " ".join(f"node-{number}" for number in range(1000))
    assert len(Caller(command).as_dict()["command"]) < len(command)
    data = {"event": "data", "data": {"runs": [{**RUN, "command": command}]}}
    outcome = ask(lines(data, END), op="history")
    assert code(outcome) == ""
    assert outcome.data.runs[0].command == command
    held = {"event": "data", "data": {"holder": {**HOLDER, "command": command}}}
    assert ask(lines(held, END), op="lock-status").data.holder.command == command
