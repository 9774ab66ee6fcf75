"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from provision.commands.schema import schema
from provision.inventory.schema import json_schema

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "inventory"

# Mistakes that single values show; the others (collisions, sizes, YAML itself) are for `load`.
SHOWN = [
    "unknown-key",
    "unknown-key-at-the-top",
    "unknown-service",
    "missing-key",
    "text-read-as-true",
    "text-read-as-number",
    "text-is-empty",
    "number-with-unit",
    "number-in-quotes",
    "number-is-a-list",
    "switch-in-quotes",
    "switch-is-a-number",
    "list-without-brackets",
    "list-item",
    "service-without-value",
    "mapping-is-text",
    "out-of-range",
    "not-a-choice",
    "bad-name",
    "bad-hostname",
    "bad-domain",
    "bad-email",
    "no-nodes",
    "nodes-without-value",
    "nodes-missing",
    "not-a-mapping",
]


def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json_schema())


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    schema()
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_the_schema_in_the_documentation_is_the_current_one() -> None:
    """Write it again with `hubctl schema > docs/reference/inventory.schema.json`."""
    kept = json.loads((ROOT / "docs" / "reference" / "inventory.schema.json").read_text())
    assert kept == json_schema()


def test_the_demo_inventory_fits() -> None:
    validator().validate(yaml.safe_load((ROOT / "inventories" / "demo.yml").read_text()))


@pytest.mark.parametrize("name", SHOWN)
def test_a_mistake_that_an_editor_can_see_does_not_fit(name: str) -> None:
    assert not validator().is_valid(yaml.safe_load((GOLDEN / f"{name}.yml").read_text()))


def test_every_key_tells_an_editor_what_it_is_for() -> None:
    def properties(part: dict[str, Any]) -> dict[str, Any]:
        nested = [properties(inner) for inner in part.get("$defs", {}).values()]
        return {name: value for inner in nested for name, value in inner.items()} | part["properties"]

    described = {
        name: "description" in value or "$ref" in value for name, value in properties(json_schema()).items()
    }
    assert [name for name, there in described.items() if not there] == []


def test_no_key_may_be_null() -> None:
    assert '"null"' not in json.dumps(json_schema())
