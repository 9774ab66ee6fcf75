"""A plan names the settings that change, with what they were and will be, and never a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.bundles import Bundle
from provision.inventory.load import parse
from provision.node.diff import settings_changes
from provision.node.resources import Release
from provision.plan import plan
from provision.secrets.model import replaced, service_key
from provision.secrets.value import Secret
from provision.steps.context import Context
from tests.unit.test_node_release import deploy, release

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  apis:
    size: s-1vcpu-2gb
    image: debian-13-x64
    services: {task_api: {hostname: tasks, operator_token: true, OPTIONS}}
"""


def planned(options: str, token: str) -> Release:
    fleet = parse(INVENTORY.replace("OPTIONS", options), "lab.yml")
    key = service_key("task_api")
    keys = {key: replaced((), Secret(token), datetime.now(UTC))}
    ctx = Context(
        fleet, "apis", fleet.nodes["apis"], "https://ca.test/dir", lambda _: Bundle("ab" * 32, "x==1"), keys
    )
    return next(resource for resource in plan(ctx).resources if isinstance(resource, Release))


def test_what_the_inventory_says_is_shown_and_the_token_is_not() -> None:
    before = planned("result_expires: 300", "the-former-token")
    after = planned('result_expires: 600, cors_origins: ["https://a.test"]', "the-new-token")
    said = settings_changes(before.settings, after.settings, after.shown)
    assert said == ['cors_origins ["*"] → ["https://a.test"]', "operator_token", "result_expires 300 → 600"]


def test_a_setting_that_comes_or_goes_is_named() -> None:
    assert settings_changes('{"a": 1}', '{"b": 2}', ("b",)) == ["a", "b nothing → 2"]


@pytest.mark.parametrize("old", ["", "[]", "{", "\x00"])
def test_settings_that_cannot_be_read_are_named_as_a_whole(old: str) -> None:
    assert settings_changes(old, "{}", ()) == ["settings"]


def test_a_long_value_is_cut() -> None:
    (said,) = settings_changes("{}", json.dumps({"a": "x" * 1000}), ("a",))
    assert len(said) < 100


def test_the_plan_of_a_node_names_them(machine: object, tmp_path: Path) -> None:
    assert deploy(machine, "a1", settings='{"expires": 300, "token": "SECRET"}').end["result"] == "done"
    new = release("b2", settings='{"expires": 600, "token": "OTHER"}', shown=("expires",))
    run = machine.converge([new], apply=False)  # type: ignore[attr-defined]
    said = [
        change["what"] for event in run.events if event["event"] == "resource" for change in event["changes"]
    ]
    assert "build b2: expires 300 → 600, token" in said
    assert "SECRET" not in str(run.events)
