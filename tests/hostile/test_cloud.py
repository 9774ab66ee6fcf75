"""A cloud that misbehaves at any call, in any way: nothing is doubled, one error is said, the next run carries on."""

import pytest

from provision.errors import Exit
from tests.support.bad_cloud import WAYS, at, in_front_of
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


@pytest.mark.soak(short=3, full=1)
@pytest.mark.parametrize("way", WAYS)
def test_one_call_of_a_creation_and_of_a_removal_may_go_wrong(lab, way, times):
    """Each call in `make soak`, every third in `make test`, where the ways take turns."""
    number, most = WAYS.index(way) % times, times
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
        number += times
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


@pytest.mark.nodes
@pytest.mark.parametrize(
    ("call", "way", "said"),
    [
        ("POST /v2/droplets", "failed when done", "looking whether it was done"),
        ("POST /v2/droplets", "{}", "looking whether it was done"),
        ("GET /v2/droplets/", "half", "waiting 1 s"),
    ],
)
def test_a_real_machine_is_made_once_by_a_cloud_that_misbehaves(make_fleet, local_instance, call, way, said):
    fleet = make_fleet({"box": "{}"})
    text = fleet.inventory.read_text().replace("provider: local", "provider: digitalocean")
    fleet.inventory.write_text(text.replace("acme: {server: local}\n", ""))
    with in_front_of(at(local_instance.endpoint, local_instance.token), late=60) as proxy:
        account = {"DIGITALOCEAN_END_POINT": proxy.url, "DIGITALOCEAN_ACCESS_TOKEN": local_instance.token}
        first = []

        def once(number):
            fits = not first and proxy.calls[number].startswith(call)
            first.extend([number] if fits else [])
            return way if fits else ""

        proxy.bad = once
        made = fleet.done("create-node", "box", "--no-deploy", "--yes", **account)
        assert said in made.stderr
        assert fleet.ssh("box", "id", "-u").strip() == "0"
        proxy.bad = lambda number: "429, in an hour" if proxy.calls[number].startswith("DELETE") else ""
        stopped = fleet.hubctl("destroy-node", "box", "--yes", **account)
        assert stopped.status == Exit.FAILED
        assert "wait 3600 seconds, as the cloud asks" in stopped.stderr
        proxy.bad = lambda number: ""
        fleet.done("destroy-node", "box", "--yes", **account)
        assert "there is nothing" in fleet.done("destroy-node", "box", "--yes", **account).stdout
