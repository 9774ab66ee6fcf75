"""docs/reference/inventory.md names everything that an inventory may have, and every mistake it may have."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from provision.inventory.load import parse
from provision.inventory.model import Acme, Fleet, Node, Operator, service_shapes
from provision.inventory.tunnel import Tunnel

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference" / "inventory.md").read_text()
CODES = {
    code
    for text in (TESTS / "golden" / "inventory").glob("*.txt")
    for code in re.findall(r"\[([a-z-]+)\]$", text.read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("part", [Fleet, Node, *service_shapes().values(), Tunnel, Operator, Acme])
def test_every_key_is_described(part: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"^\| `(?:\w+\.)?(\w+)` \|", PAGE, re.MULTILINE))
    optional_parts = {"operator", "acme"}
    assert set(part.__struct_encode_fields__) - optional_parts <= named


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_mistake_is_listed(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_the_example_is_an_inventory() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(example, "inventory.md").fleet == "demo"
