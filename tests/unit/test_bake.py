"""Baking an image: what is made, what it takes the place of, and that no machine is left over."""

import contextlib
import io
from dataclasses import replace

import pytest

from provision.actions import bake as action
from provision.actions.bake import TAG, Wish, bake
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.actions.outcome import Outcome
from provision.cloud.base import Machine, Snapshot
from provision.cloud.connect import Account
from provision.cloud.snapshots import title_of
from provision.errors import HubError
from provision.inventory.load import load
from provision.output import Output
from provision.transport import hostkeys

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  apis: {size: s-4vcpu-8gb, image: debian-12-x64, services: {}}
  own: {size: s-4vcpu-8gb, image: lab, services: {}}
"""


class Provider:
    """Machines that are made at once."""

    def __init__(self):
        self.specs, self.there, self.kept = [], [], []

    def find(self, name):
        return [machine for machine in self.there if machine.name == name]

    def resolve(self, spec):
        return spec

    def create(self, spec):
        self.specs.append(spec)
        machine = Machine(
            len(self.specs),
            spec.name,
            "active",
            "192.0.2.7",
            "",
            spec.tags,
            spec.size,
            spec.image,
            spec.region,
        )
        self.there.append(machine)
        return machine

    def ready(self, machine, steps):
        return machine

    def destroy(self, machine):
        self.there.remove(machine)

    def snapshots(self):
        return list(self.kept)

    def take_snapshot(self, machine, title, steps):
        assert machine in self.there
        taken = Snapshot(
            len(self.kept) + 1, title, f"2026-11-24T0{len(self.kept)}:00:00Z", ("fra1",), 25, 1.0
        )
        self.kept.append(taken)
        return taken

    def remove_snapshot(self, snapshot):
        self.kept.remove(snapshot)


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def job(tmp_path, provider, monkeypatch):
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr("provision.actions.create._enter", lambda job, name, *, new: None)
    monkeypatch.setattr(
        "provision.actions.contexts.acme_directory", lambda fleet, path: "https://acme.test/dir"
    )
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    loaded = LoadedFleet(load(path), path)
    loaded.__dict__["_account"] = Account(provider, None)
    return Job(loaded, Caller("image bake apis"), Output(io.StringIO(), io.StringIO()))


@pytest.fixture
def asked(monkeypatch):
    """What the machine is asked to do, and the error that it gives."""
    asked = {"ops": [], "error": None}

    def ask(self, op, node, **fields):
        asked["ops"].append(op)
        return Outcome(node, error=asked["error"])

    monkeypatch.setattr(Job, "ask", ask)
    return asked


def nothing_left(job, provider):
    return provider.there == [] and not hostkeys.path_for(job.loaded.path).exists()


def test_an_image_is_made_on_a_small_machine_of_the_nodes_own_base(job, provider, asked):
    title = title_of(bake(job, Wish("apis")))
    assert (title.name, title.base) == ("debian-12-x64-lab-apis", "debian-12-x64")
    (spec,) = provider.specs
    assert (spec.size, spec.image, spec.name) == ("s-1vcpu-1gb", "debian-12-x64", "bake-apis.lab.test")
    assert asked["ops"] == ["converge", "seal"]
    assert nothing_left(job, provider)


def test_baked_again_it_takes_the_place_of_the_former_one_and_stands_on_the_same_base(job, provider, asked):
    first = bake(job, Wish("apis", name="lab"))
    second = bake(job, Wish("own"))
    assert provider.kept == [second]
    assert title_of(second) == title_of(first)


@pytest.mark.parametrize("fails", ["on the machine", "at the cloud"])
def test_a_bake_that_fails_leaves_no_machine_and_the_former_image(job, provider, asked, monkeypatch, fails):
    former = bake(job, Wish("apis", name="lab"))
    error = HubError("no", "not today")
    if fails == "on the machine":
        asked["error"] = error
    else:
        monkeypatch.setattr(provider, "take_snapshot", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(HubError, match="not today"):
        bake(job, Wish("apis", name="lab"))
    assert provider.kept == [former]
    assert nothing_left(job, provider)


def test_what_a_killed_bake_left_is_removed_first(job, provider, asked):
    with contextlib.suppress(HubError):
        asked["error"] = HubError("no", "not today")
        bake(job, Wish("apis"))
    left = provider.create(provider.specs[0])
    asked["error"] = None
    bake(job, Wish("apis"))
    assert left not in provider.there


def test_a_machine_that_is_no_bakes_is_never_removed(job, provider, asked):
    with contextlib.suppress(HubError):
        asked["error"] = HubError("no", "not today")
        bake(job, Wish("apis"))
    spec = provider.specs[0]
    provider.create(replace(spec, tags=tuple(tag for tag in spec.tags if tag != TAG)))
    with pytest.raises(HubError) as caught:
        bake(job, Wish("apis"))
    assert caught.value.code == "name-taken"
    assert len(provider.there) == 1


def test_an_image_that_is_not_there_is_named_with_those_that_are(job, provider, asked):
    bake(job, Wish("apis", name="lab"))
    with pytest.raises(HubError) as caught:
        action.find(job.loaded, "lap")
    assert "lab" in caught.value.why
    assert "`lab`" in caught.value.hint
