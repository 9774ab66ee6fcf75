"""A cloud that misbehaves at any call, in any way: nothing is doubled, one error is said, the next run carries on."""

import pytest

from tests.support.bad_cloud import WAYS
from tests.support.lab import running_lab


@pytest.fixture
def lab(tmp_path, monkeypatch):
    with running_lab(tmp_path, monkeypatch) as lab:
        yield lab


def is_said(error, way):
    """An error names what happened and what to do, and shows no more of an answer than fits."""
    assert error.message
    assert error.hint, (way, error.message)
    assert len(f"{error.message}{error.why}") < 4000


@pytest.mark.parametrize("way", WAYS)
def test_one_call_of_a_creation_and_of_a_removal_may_go_wrong(lab, way):
    number, most = 0, 1
    while number < most:
        for run, done in ((lab.create, lab.is_made), (lab.destroy, lab.is_gone)):
            error, calls = lab.attempt(run, lambda n, at=number: way if n == at else "")
            if error is not None:
                is_said(error, way)
                assert len(lab.droplets()) <= 1
                error, again = lab.attempt(run)
                assert error is None
                calls = number + again  # it went on from there
            done()
            most = max(most, calls)
        number += 1
    assert most > 12


@pytest.mark.parametrize("way", ["429", "429, in an hour", "503", "{}", "reset", "too late"])
def test_a_cloud_that_goes_on_misbehaving_is_given_up_and_the_next_run_carries_on(lab, way):
    _, calls = lab.attempt(lab.create)
    lab.destroy()
    for number in range(0, calls, 3):
        error, tried = lab.attempt(lab.create, lambda n, at=number: way if n >= at else "")
        if error is None:
            assert tried <= number  # the domain is there by now: it took fewer calls
        else:
            is_said(error, way)
        assert tried <= calls + 20
        assert len(lab.droplets()) <= 1
        assert lab.attempt(lab.create)[0] is None
        lab.is_made()
        lab.destroy()


def test_waiting_is_seen(lab):
    lab.attempt(lab.create, lambda n: "503" if n == 0 else "")
    assert "answers: not today; waiting" in lab.said.getvalue()


@pytest.mark.soak(short=0, full=400)
def test_any_calls_may_go_wrong_in_any_way(lab, times, chance):
    for _ in range(times):
        share = chance.choice((0.05, 0.2, 0.6))
        bad = {n: chance.choice(WAYS) for n in range(200) if chance.random() < share}
        run, done = chance.choice(((lab.create, lab.is_made), (lab.destroy, lab.is_gone)))
        error, _ = lab.attempt(run, lambda n, bad=bad: bad.get(n, ""))
        if error is not None:
            is_said(error, str(bad))
        assert len(lab.droplets()) <= 1
        assert lab.attempt(run)[0] is None
        done()
