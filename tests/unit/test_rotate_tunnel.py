"""A tunnel's rotation as a walk of states: stopped anywhere, it is taken up again and ends the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from provision import keys
from provision.actions import contexts as contexts_module
from provision.actions import rotate, rotate_tunnel, rotation
from provision.actions.contexts import contexts
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.actions.outcome import Outcome
from provision.errors import HubError
from provision.inventory.load import load
from provision.node.resources import Command, File, Firewall, Unit
from provision.output import Output
from provision.plan import plan
from provision.secrets import model
from provision.steps.context import Context, Location
from provision.transport import hostkeys
from provision.transport.answers import Heard
from provision.transport.hostkeys import Pin

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  front: {size: s-1vcpu-2gb, image: debian-13-x64, services: {proxy: {hostname: demos, tunnel: dti}}}
  second: {size: s-1vcpu-2gb, image: debian-13-x64}
  gpu: {size: s-1vcpu-2gb, image: debian-13-x64, services: {task_api: {operator_token: true}}}
tunnels:
  dti: {from: [front, second], to: gpu, service: task_api, listen: 8080}
"""
ADDRESSES = {"front": ("10.0.0.1", "fd00::1"), "second": ("10.0.0.2",), "gpu": ("10.0.0.3", "fd00::3")}


def job(loaded: LoadedFleet) -> Job:
    return Job(loaded, Caller("rotate-key tunnel/dti"), Output.choose(json=True))


class StopError(Exception):
    """The operator is gone."""


class Nodes:
    """What nodes were brought to, by the real plans and without machines."""

    def __init__(self, loaded: LoadedFleet) -> None:
        self.loaded = loaded
        self.runs: list[tuple[str, ...]] = []
        self.units: dict[str, set[str]] = {name: set() for name in ADDRESSES}
        self.key_files: dict[str, set[str]] = {name: set() for name in ADDRESSES}
        self.open: set[int] = set()
        self.upstream = ""
        self.stop_before = -1
        self.pending: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.problem = ""

    def deploy(self, job: Job, nodes: Sequence[str], *, apply: bool = True) -> list[Outcome]:
        found = contexts(job.loaded, nodes, make=apply)
        if apply:
            self._step()
            self.runs.append(tuple(nodes))
        for name in nodes if apply else ():
            self._converge(name, found[name])
        return [Outcome(name, changed=0 if apply else self.pending.count(name)) for name in nodes]

    def ask(self, job: Job, name: str, node: str, *, host: str, **_: Any) -> Heard:
        self.asked.append((node, host))
        return Heard(self.problem, silent=False, ms=1.0)

    def _step(self) -> None:
        if self.stop_before == len(self.runs):
            self.stop_before = -1
            raise StopError

    def _converge(self, name: str, ctx: Context) -> None:
        for resource in plan(ctx).resources:
            if isinstance(resource, Unit) and resource.name.startswith("spiped-"):
                (self.units[name].add if resource.running else self.units[name].discard)(resource.name)
            elif isinstance(resource, File) and resource.path.endswith(".key"):
                self.key_files[name].add(resource.path)
            elif isinstance(resource, Command) and resource.name.startswith("erase-"):
                self.key_files[name].discard(resource.argv[-1])
            elif isinstance(resource, Firewall) and name == "gpu":
                self.open = {rule.port for rule in resource.rules} - {22}


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedFleet:
    """A fleet whose nodes are pinned."""
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("HUBCTL_AGE_KEY", raising=False)
    monkeypatch.setattr(contexts_module, "acme_directory", lambda *_: "https://acme.test/dir")
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    keys.ensure_operator_key(load(path), path)  # as whoever made the nodes has it
    for name, addresses in ADDRESSES.items():
        hostkeys.pin(path, Pin(name, addresses, "ssh-ed25519", keys.make(name).public_base64))
    return LoadedFleet(load(path), path)


@pytest.fixture
def nodes(loaded: LoadedFleet, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """Nodes that were deployed once."""
    found = Nodes(loaded)
    monkeypatch.setattr(rotation, "deploy", found.deploy)
    monkeypatch.setattr(rotate_tunnel, "ask_far_end", found.ask)
    found.deploy(job(loaded), list(ADDRESSES))
    found.runs.clear()
    return found


def rotate_once(loaded: LoadedFleet) -> None:
    rotate_tunnel.rotate_tunnel(job(loaded), "tunnel/dti")


def generations(loaded: LoadedFleet, name: str = "tunnel/dti") -> list[tuple[int, str]]:
    return [(item.number, item.status) for item in loaded.secrets.read().generations(name)]


def assert_settled(nodes: Nodes, number: int) -> None:
    assert generations(nodes.loaded) == [(number, "current")]
    assert nodes.units == {
        "front": {f"spiped-dti-client@{number}.service"},
        "second": {f"spiped-dti-client@{number}.service"},
        "gpu": {f"spiped-dti-server@{number}.service"},
    }
    assert all(paths == {f"/etc/spiped/dti-{number}.key"} for paths in nodes.key_files.values())
    assert nodes.open == {8080 + (number - 1) % 2}


def test_the_first_deploy_makes_the_keys(loaded: LoadedFleet, nodes: Nodes) -> None:
    document = loaded.secrets.read()
    assert list(document.secrets) == ["service/task_api", "tunnel/dti"]
    values = [document.generations(name)[0].reveal() for name in document.secrets]
    assert all(len(bytes.fromhex(value)) == 32 for value in values)
    assert len(set(values)) == 2


def test_a_comparison_makes_no_key(loaded: LoadedFleet) -> None:
    assert contexts(loaded, ["front"], make=False)["front"].keys["tunnel/dti"]
    assert not loaded.secrets.exists


def test_a_node_without_tunnels_needs_no_secrets(loaded: LoadedFleet) -> None:
    inventory = INVENTORY.replace("[front, second]", "front")
    loaded.path.write_text(inventory)
    plain = LoadedFleet(load(loaded.path), loaded.path)
    loaded.path.with_suffix(".secrets").write_text("not to be opened")
    assert not contexts(plain, ["second"], make=True)["second"].keys


def test_a_node_is_told_its_own_secrets_alone(loaded: LoadedFleet) -> None:
    found = contexts(loaded, list(ADDRESSES), make=True)
    assert {name: set(ctx.keys) for name, ctx in found.items()} == {
        "front": {"tunnel/dti"},
        "second": {"tunnel/dti"},
        "gpu": {"tunnel/dti", "service/task_api"},
    }


def test_a_node_is_told_where_its_tunnels_end_and_of_no_other_node(loaded: LoadedFleet) -> None:
    loaded.path.write_text(INVENTORY.replace("[front, second]", "front"))
    found = contexts(LoadedFleet(load(loaded.path), loaded.path), list(ADDRESSES), make=False)
    assert {name: set(ctx.locations) for name, ctx in found.items()} == {
        "front": {"front", "gpu"},
        "second": set(),
        "gpu": {"front", "gpu"},
    }


def test_a_rotation_takes_four_waves_and_leaves_one_generation(loaded: LoadedFleet, nodes: Nodes) -> None:
    rotate_once(loaded)
    near = ("front", "second")
    assert nodes.runs == [("gpu", *near), near, near, ("gpu",)]
    assert nodes.asked == [("front", "127.1.0.2"), ("second", "127.1.0.2")]
    assert_settled(nodes, 2)


@pytest.mark.parametrize("wave", range(4))
def test_stopped_before_any_wave_it_is_finished_by_the_next_run(
    loaded: LoadedFleet, nodes: Nodes, wave: int
) -> None:
    nodes.stop_before = wave
    with pytest.raises(StopError):
        rotate_once(loaded)
    assert model.current(loaded.secrets.read().generations("tunnel/dti")) is not None
    assert {"1", "2"} >= {str(number) for number, _ in generations(loaded)}
    rotate_once(loaded)
    assert_settled(nodes, 2)
    rotate_once(loaded)
    assert_settled(nodes, 3)


@pytest.mark.parametrize("wave", range(4))
def test_a_deploy_in_between_changes_nothing_about_the_outcome(
    loaded: LoadedFleet, nodes: Nodes, wave: int
) -> None:
    nodes.stop_before = wave
    with pytest.raises(StopError):
        rotate_once(loaded)
    nodes.deploy(job(loaded), list(ADDRESSES))
    assert all(units for units in nodes.units.values())
    rotate_once(loaded)
    assert_settled(nodes, 2)


def test_what_is_not_proven_is_not_used(loaded: LoadedFleet, nodes: Nodes) -> None:
    nodes.problem = "the connection was closed without a byte"
    with pytest.raises(HubError) as caught:
        rotate_once(loaded)
    assert caught.value.code == "not-proven"
    assert nodes.problem in caught.value.why
    assert generations(loaded) == [(1, "current"), (2, "next")]
    nodes.problem = ""
    rotate_once(loaded)
    assert_settled(nodes, 2)


def test_pending_changes_keep_it_from_beginning_and_not_from_ending(
    loaded: LoadedFleet, nodes: Nodes
) -> None:
    nodes.pending = ["second"]
    with pytest.raises(HubError) as caught:
        rotate_once(loaded)
    assert (caught.value.code, generations(loaded)) == ("changes-pending", [(1, "current")])
    nodes.pending, nodes.stop_before = [], 1
    with pytest.raises(StopError):
        rotate_once(loaded)
    nodes.pending = ["second"]
    rotate_once(loaded)
    assert_settled(nodes, 2)


def test_a_services_token_is_in_its_next_release_and_the_former_is_gone_after_it(
    loaded: LoadedFleet, nodes: Nodes
) -> None:
    (key,) = (key for key in rotate.all_keys(loaded) if key.name == "service/task_api")
    assert rotate.rotate_due(job(loaded), [key], None) == []
    assert generations(loaded, "service/task_api") == [(2, "current")]
    assert nodes.runs == [("gpu",)]


def test_the_firewall_names_both_families_of_the_other_ends(loaded: LoadedFleet) -> None:
    found = contexts(loaded, ["gpu"], make=True)["gpu"]
    assert found.locations["front"] == Location("10.0.0.1", ("10.0.0.1", "fd00::1"))


def test_a_pin_by_name_is_resolved_for_firewalls_and_kept_for_clients(loaded: LoadedFleet) -> None:
    hostkeys.pin(loaded.path, Pin("front", ("localhost",), "ssh-ed25519", keys.make("x").public_base64))
    found = contexts(loaded, ["gpu"], make=True)["gpu"].locations["front"]
    assert found.address == "localhost"
    assert "127.0.0.1" in found.sources
