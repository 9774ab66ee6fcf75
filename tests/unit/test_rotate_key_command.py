"""`hubctl rotate-key`: what it takes, what it refuses, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from provision import keys
from provision.actions import rotate
from provision.actions.rotate import Key, KeyKind
from provision.cli import app
from provision.errors import Exit, HubError

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  front: {size: s-1vcpu-2gb, image: debian-13-x64}
"""
OLD = datetime.now(UTC) - timedelta(days=100)
YOUNG = datetime.now(UTC) - timedelta(days=10)


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet without keys."""
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    monkeypatch.setenv("HUBCTL_INVENTORY", str(path))
    monkeypatch.setenv("HUBCTL_CONFIG_DIR", str(tmp_path / "config"))
    return path


@pytest.fixture
def rotated(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of a kind of their own; gives the names that get rotated."""
    names: list[str] = []

    def change(_: object, name: str, *__: object) -> None:
        if name == "pin/broken":
            raise HubError("not-proven", "it does not work")
        names.append(name)

    found = [
        Key("pin/broken", OLD, False),
        Key("pin/old", OLD, False),
        Key("pin/young", YOUNG, False),
        Key("pin/begun", YOUNG, True),
        Key("pin/unborn", None, False),
    ]
    monkeypatch.setattr(rotate, "KEY_KINDS", {"pin": KeyKind(lambda _: found, change)})
    return names


def hubctl(*words: str) -> Result:
    return CliRunner().invoke(app, ["rotate-key", *words])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "nothing-named"),
        (["pin/odd"], "unknown-key"),
        (["pin/old", "--all"], "bad-option"),
        (["--older-than", "90"], "bad-option"),
        (["--older-than", "d"], "bad-option"),
    ],
)
def test_what_it_does_not_understand_is_a_usage_error(
    rotated: list[str], words: list[str], code: str
) -> None:
    result = hubctl(*words)
    assert (result.exit_code, code in result.output) == (Exit.USAGE, True)
    assert rotated == []


def test_keys_are_named_singly_or_by_kind(rotated: list[str]) -> None:
    assert hubctl("pin/old", "pin/young", "pin/old").exit_code == 0
    assert rotated == ["pin/old", "pin/young"]


def test_only_old_and_unfinished_ones_are_due(rotated: list[str]) -> None:
    result = hubctl("--older-than", "90d")
    assert rotated == ["pin/old", "pin/begun"]
    assert "pin/young: 10 days old, kept" in result.output
    assert "pin/unborn: not made yet: `hubctl deploy`, kept" in result.output


def test_one_that_fails_stops_no_other_and_fails_the_command(rotated: list[str]) -> None:
    result = hubctl("--all")
    assert rotated == ["pin/old", "pin/young", "pin/begun"]
    assert result.exit_code == Exit.FAILED
    assert "not-proven" in result.output


def test_an_operators_own_key_is_left_alone(inventory: Path, tmp_path: Path) -> None:
    own = tmp_path / "id_ed25519"
    own.write_text(keys.make("me").private)
    inventory.write_text(INVENTORY.replace("ops@lab.test", f"ops@lab.test, ssh_key: {own}"))
    before = own.read_bytes()
    assert hubctl("--all").exit_code == 0
    result = hubctl("ssh")
    assert (result.exit_code, "not-hubctls-key" in result.output) == (Exit.USAGE, True)
    assert own.read_bytes() == before
