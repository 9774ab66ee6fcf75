"""Machines that have their packages and environments already: made from an image that is baked once a computer."""

from __future__ import annotations

import pytest

from provision.actions.fleet import LoadedFleet
from provision.actions.ingredients import ingredients
from provision.cloud.local import prepared
from provision.cloud.snapshots import named
from provision.inventory.load import load
from tests.support.fleet import IMAGE, Fleet
from tests.support.machines import cloud
from tests.support.tasks import TASK_API

NODE = "all"
NODES = {NODE: TASK_API, "other": "{}"}
MORE = "tunnels:\n  any: {from: other, to: all, port: 7000, listen: 9000}\n"
"""A node with all that shared fleets are made of: a line for each service that is to come up at once."""


def image_for(fleet: Fleet, node: str = NODE) -> str:
    """Return the name of an image with what a node of a fleet is made of; a change of locks or recipes is another."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HUBCTL_CONFIG_DIR", "HUBCTL_LOCAL_NAME"):
            patch.setenv(name, fleet.environment[name])
        wanted = ingredients(LoadedFleet(load(fleet.inventory), fleet.inventory), node)
    name = f"tests-{wanted.digest(IMAGE)}"
    with prepared.claimed(name):
        if prepared.adopt(fleet.instance, name) is None:
            fleet.done("image", "bake", node, "--name", name)
            (snapshot,) = named(cloud(fleet).snapshots(), name)
            prepared.keep(fleet.instance, snapshot.id, name)
    return name
