"""Damages that are done to a node, and what a deploy must have made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest

from provision.actions.contexts import contexts
from provision.actions.fleet import LoadedFleet
from provision.inventory.load import load
from provision.node.resources import Resource
from provision.plan import plan
from provision.steps.base import base
from provision.steps.context import Context
from tests.support.damages import Damage
from tests.support.fleet import Fleet
from tests.support.machines import reboot
from tests.support.waiting import eventually


def plans_of(fleet: Fleet) -> Mapping[str, tuple[Resource, ...]]:
    """Return the plans of all nodes, as a deploy makes them."""
    return {name: plan(ctx).resources for name, ctx in _contexts(fleet).items()}


def own_of(fleet: Fleet, node: str, service: str) -> list[Resource]:
    """Return what a node has for one of its services, beside what all nodes have and what its other services need."""
    ctx = _contexts(fleet)[node]
    alone = msgspec.structs.replace(ctx.node.services, **{service: None})
    others = dataclasses.replace(ctx, node=msgspec.structs.replace(ctx.node, services=alone))
    needed = list(plan(others).resources) if alone.present() else []
    of_all = {resource.id for resource in base(ctx)}
    return [each for each in plan(ctx).resources if each not in needed and each.id not in of_all]


def _contexts(fleet: Fleet) -> Mapping[str, Context]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HUBCTL_CONFIG_DIR", "HUBCTL_LOCAL_NAME"):
            patch.setenv(name, fleet.environment[name])
        loaded = LoadedFleet(load(fleet.inventory), fleet.inventory)
        return contexts(loaded, list(loaded.fleet.nodes), make=False)


def assert_heals(
    fleet: Fleet, node: str, done: Sequence[Damage], answers: Callable[[], bool], *, boot: bool = False
) -> None:
    """Damage a node, deploy, and see that all is as before.

    Args:
        fleet: the fleet.
        node: the node.
        done: what is done to it, all at once.
        answers: whether its service answers.
        boot: whether it is rebooted before the deploy.
    """
    names = "; ".join(map(str, done))
    script = "\n".join(f"( {damage.script} )" for damage in done)
    fleet.shell(node, f"{script}\ntrue")
    if boot:
        reboot(fleet, node)
    healed = fleet.hubctl("deploy", node)
    assert healed.status == 0, f"{names}: {healed.text}"
    again = fleet.hubctl("plan", node)
    assert again.status == 0, f"{names}: {again.text}"
    assert eventually(answers, seconds=60, what=f"an answer after {names}")
    failed = fleet.shell(node, "systemctl --failed --plain --no-legend").strip()
    assert not failed, f"{names}: {failed}"
