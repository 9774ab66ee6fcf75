"""Every mistake of an inventory is told with its place and what to do: tests/golden/inventory, one file a kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Exit, HubErrors
from provision.inventory.load import load
from provision.output.text import error_lines

GOLDEN = Path(__file__).parents[1] / "golden" / "inventory"


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.yml")))
def test_the_mistake_is_told_as_written_beside_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(HubErrors) as caught:
        load(Path(f"{name}.yml"))
    told = "".join(f"{line.text}\n" for line in error_lines(caught.value))
    assert told == Path(f"{name}.txt").read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.yml")))
def test_every_mistake_has_a_place_in_the_file_and_the_exit_code_of_inventories(name: str) -> None:
    path = GOLDEN / f"{name}.yml"
    lines = path.read_text().splitlines()
    with pytest.raises(HubErrors) as caught:
        load(path)
    assert caught.value.exit_code == Exit.INVENTORY
    for error in caught.value.errors:
        assert error.exit_code == Exit.INVENTORY
        assert error.where is not None
        assert error.where.file == str(path)
        assert 1 <= error.where.line <= len(lines)
        assert 1 <= error.where.column <= len(lines[error.where.line - 1]) + 1
    places = [(error.where.line, error.where.column) for error in caught.value.errors if error.where]
    assert places == sorted(places)


def test_every_golden_text_has_its_inventory() -> None:
    assert (
        {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in GOLDEN.glob("*.yml")} != set()
    )
