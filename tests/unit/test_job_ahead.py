"""Connections that are opened while plans are made."""

import contextlib
import io
import threading

import pytest

from provision.actions import job as job_module
from provision.actions.ahead import Ahead
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.errors import HubError
from provision.inventory.load import load
from provision.output import Output

from .test_job import END, INVENTORY, event_of


class Nodes:
    """Nodes that say when they are connected to, asked and left."""

    def __init__(self, monkeypatch):
        self.seen, self.error = [], None
        self.connected = threading.Event()
        monkeypatch.setattr(job_module, "connect", self.connect)
        monkeypatch.setattr(job_module, "start", lambda session: session)
        monkeypatch.setattr(job_module, "run_engine", self.run)
        monkeypatch.setattr(LoadedFleet, "target", lambda _, node, key_file=None: node)

    @contextlib.contextmanager
    def connect(self, node):
        if self.error:
            raise self.error
        self.seen.append(f"enter {node}")
        self.connected.set()
        try:
            yield node
        finally:
            self.seen.append(f"leave {node}")

    def run(self, engine, request, *, blobs, on_event):
        self.seen.append(f"ask {engine}")
        on_event(event_of(END))
        return 0


@pytest.fixture
def nodes(monkeypatch):
    return Nodes(monkeypatch)


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    return Job(LoadedFleet(load(path), path), Caller("deploy"), Output(io.StringIO(), io.StringIO()))


def test_a_node_is_connected_to_before_it_is_asked_and_by_that_connection(job, nodes):
    with job.ahead(["apis"]):
        assert nodes.connected.wait(60)
        assert nodes.seen == ["enter apis"]
        assert job.ask("converge", "apis").ok == 3
        assert nodes.seen == ["enter apis", "ask apis", "leave apis"]
    assert nodes.seen == ["enter apis", "ask apis", "leave apis"]


def test_a_second_question_has_a_connection_of_its_own(job, nodes):
    with job.ahead(["apis"]):
        job.ask("converge", "apis")
        job.ask("ready", "apis")
    assert nodes.seen == ["enter apis", "ask apis", "leave apis"] * 2


def test_a_connection_that_was_not_needed_is_closed(job, nodes):
    with pytest.raises(ZeroDivisionError), job.ahead(["apis"]):
        raise ZeroDivisionError
    assert nodes.seen == ["enter apis", "leave apis"]


def test_an_error_of_the_connection_is_that_nodes_outcome(job, nodes):
    nodes.error = HubError("unreachable", "it does not answer")
    with job.ahead(["apis"]):
        assert job.ask("converge", "apis").error is nodes.error
    with job.ahead(["apis"]):
        pass  # nobody asked, so nobody is told


def test_every_event_goes_to_whoever_listens(job, nodes):
    events = []
    job.ask("converge", "apis", on_event=events.append)
    assert events == [event_of(END)]


def test_what_the_block_raises_reaches_the_context_that_was_entered_ahead():
    seen = []

    @contextlib.contextmanager
    def inner():
        try:
            yield 1
        except ValueError as error:
            seen.append(error)
            raise

    with pytest.raises(ValueError, match="one"), Ahead(inner()) as value:
        raise ValueError({1: "one"}[value])
    assert len(seen) == 1
