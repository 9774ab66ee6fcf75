"""Ends of tunnels that the inventory no longer has go from a node, keys first, and no other end is touched."""

from __future__ import annotations

import json

import pytest

from provision.node.resources import File, SpipedEnds, Unit
from tests.support.node_engine import Machine

FOLDER = "/etc/spiped"
TEMPLATE = "[Service]\n[Install]\nWantedBy=multi-user.target\n"


def end(name: str, *numbers: int) -> list[File | Unit]:
    tunnel = name.rpartition("-")[0]
    files = [File(f"/etc/systemd/system/spiped-{name}@.service", TEMPLATE)]
    for number in numbers:
        files.append(File(f"{FOLDER}/{tunnel}-{number}.key", f"KEY {number}\n", 0o600, secret=True))
        files.append(File(f"{FOLDER}/{tunnel}-{number}.env", "LISTEN=x\n"))
    return [*files, *(Unit(f"spiped-{name}@{number}.service") for number in numbers)]


@pytest.fixture
def two(machine: Machine) -> Machine:
    """A node at an end of two tunnels, the name of one beginning like the other's."""
    assert machine.converge([*end("dti-client", 1, 2), *end("dti-lab-server", 1)]).status == 0
    return machine


def running(machine: Machine) -> list[str]:
    units = json.loads(machine.read("fake/units.json"))
    return sorted(name for name, unit in units.items() if unit["active"] == "active")


def files(machine: Machine) -> list[str]:
    return sorted(path.name for path in machine.path(FOLDER).iterdir())


def test_wanted_ends_stay(two: Machine) -> None:
    before = two.tree()
    assert two.converge([SpipedEnds(("dti-client", "dti-lab-server"), FOLDER)]).changed == []
    assert two.tree() == before


def test_an_end_goes_with_its_units_and_keys_and_leaves_the_other(two: Machine) -> None:
    ends = SpipedEnds(("dti-lab-server",), FOLDER)
    assert [each["what"] for each in two.plan([ends]).of("resource")[0]["changes"]] == ["remove dti-client"]
    two.forget_calls()
    assert two.converge([ends]).end["result"] == "done"
    assert running(two) == ["spiped-dti-lab-server@1.service"]
    assert files(two) == ["dti-lab-1.env", "dti-lab-1.key"]
    assert [call[-1].rpartition("/")[2] for call in two.calls("shred")] == ["dti-1.key", "dti-2.key"]
    assert not list(two.path("etc/systemd/system").rglob("spiped-dti-client@*"))
    assert two.converge([ends]).changed == []


def test_the_last_end_takes_the_folder_along(two: Machine) -> None:
    nothing = SpipedEnds((), FOLDER)
    assert two.converge([nothing]).end["result"] == "done"
    assert (running(two), two.path(FOLDER).exists()) == ([], False)
    assert two.converge([nothing]).changed == []


def test_what_others_keep_in_the_folder_stays(two: Machine) -> None:
    two.write(f"{FOLDER}/own.key", "x")
    assert two.converge([SpipedEnds((), FOLDER)]).end["result"] == "done"
    assert files(two) == ["own.key"]
    assert two.converge([SpipedEnds((), FOLDER)]).changed == []


@pytest.mark.parametrize("stage", ["before", "journaled", "erased", "removed", "after"])
def test_a_kill_at_any_stage_is_taken_up_again(two: Machine, stage: str) -> None:
    nothing = SpipedEnds((), FOLDER)
    assert two.converge([nothing], fault=f"*:{stage}").killed
    assert two.converge([nothing]).end["result"] == "done"
    assert (running(two), two.path(FOLDER).exists()) == ([], False)
    assert not list(two.path("etc/systemd/system").rglob("spiped-*"))


def test_a_key_that_cannot_be_overwritten_stops_the_removal(two: Machine) -> None:
    two.write("fake/shred-fails", "")
    run = two.converge([SpipedEnds((), FOLDER)])
    assert run.error["code"] == "key-not-erased"
    assert "dti-1.key" in files(two)
    two.path("fake/shred-fails").unlink()
    assert two.converge([SpipedEnds((), FOLDER)]).end["result"] == "done"
