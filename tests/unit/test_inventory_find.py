"""Which inventory a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Exit, HubError
from provision.inventory.find import find


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_named_one_is_taken_as_it_is(tmp_path: Path) -> None:
    touch(tmp_path / "hubctl.yml")
    assert find(Path("elsewhere.yml"), tmp_path) == Path("elsewhere.yml")


@pytest.mark.parametrize(
    "name", ["hubctl.yml", "hubctl.yaml", "inventories/demo.yml", "inventories/demo.yaml"]
)
def test_the_only_one_here_is_named_from_here(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert find(None, tmp_path) == Path(name)


def test_the_nearest_folder_above_decides(tmp_path: Path) -> None:
    touch(tmp_path / "hubctl.yml")
    nearest = touch(tmp_path / "work" / "inventories" / "lab.yml")
    below = tmp_path / "work" / "deep" / "down"
    below.mkdir(parents=True)
    assert find(None, below) == nearest


def test_several_are_named(tmp_path: Path) -> None:
    for name in ("inventories/a.yml", "inventories/b.yml"):
        touch(tmp_path / name)
    with pytest.raises(HubError) as caught:
        find(None, tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("several-inventories", Exit.USAGE)
    assert "a.yml" in caught.value.why
    assert "b.yml" in caught.value.why
    assert "--inventory" in caught.value.hint


def test_none_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(HubError) as caught:
        find(None, tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("no-inventory", Exit.USAGE)
    assert str(tmp_path) in caught.value.why
    assert "HUBCTL_INVENTORY" in caught.value.hint
