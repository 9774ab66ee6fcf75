"""Nodes worked on at once."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from provision.actions.outcome import Outcome
from provision.actions.several import at_once, until_failure
from provision.errors import HubError


def test_outcomes_come_in_the_nodes_order_whatever_ends_first():
    def one(name):
        time.sleep(0.2 if name == "slow" else 0)
        return Outcome(name)

    assert [outcome.node for outcome in at_once(one, ["slow", "b", "c"])] == ["slow", "b", "c"]


def test_no_more_nodes_than_asked_for_are_worked_on_at_once():
    busy, most, lock = set(), [], threading.Lock()

    def one(name):
        with lock:
            busy.add(name)
            most.append(len(busy))
        time.sleep(0.02)
        with lock:
            busy.remove(name)
        return Outcome(name)

    at_once(one, [str(number) for number in range(12)], parallel=3)
    assert max(most) == 3


def test_a_defect_in_one_is_raised_when_the_others_have_ended():
    ended = []

    def one(name):
        if name == "b":
            raise ZeroDivisionError
        time.sleep(0.2)
        ended.append(name)
        return Outcome(name)

    with pytest.raises(ZeroDivisionError):
        at_once(one, ["a", "b", "c"])
    assert sorted(ended) == ["a", "c"]


def test_rolling_stops_at_the_first_failure():
    def one(name):
        return Outcome(name, error=HubError("bad", "x") if name == "b" else None)

    assert [outcome.node for outcome in until_failure(one, ["a", "b", "c"])] == ["a", "b"]


def test_an_interrupt_ends_the_process_while_nodes_are_at_work():
    program = (
        "import time\nfrom provision.actions.several import at_once\n"
        "print('at work', flush=True)\nat_once(lambda name: time.sleep(60), ['a', 'b'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
