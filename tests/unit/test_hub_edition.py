"""A hub's editions: which one starts, and what a refused one leaves."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType

import pytest

from provision.render import render


class BecameError(Exception):
    """What the program became, instead of it."""


@pytest.fixture
def edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, with folders of its own and a hub that answers."""
    places = {name: tmp_path / name for name in ("root", "state", "config")}
    for place in places.values():
        place.mkdir()
    (places["root"] / "first").mkdir()
    (places["root"] / "hub").symlink_to("first")
    text = render("jupyterhub/edition.py", hub="http://127.0.0.1:1", **{k: str(v) for k, v in places.items()})
    module = ModuleType("edition")
    exec(compile(text, "edition.py", "exec"), module.__dict__)
    for name in module.FILES:
        (places["config"] / name).write_text("first")
    monkeypatch.setattr(module, "answers", lambda: True)
    monkeypatch.setattr(
        module.os, "execv", lambda _, argv: (_ for _ in ()).throw(BecameError(argv[0], argv[-1]))
    )
    monkeypatch.setenv("PATH", "/usr/bin")
    with sqlite3.connect(module.DATABASE) as database:
        database.execute("CREATE TABLE people (name)")
    return module


def started(edition: ModuleType) -> tuple[str, str]:
    """Return the folders of programs and configuration that the hub starts with."""
    with pytest.raises(BecameError) as caught:
        edition.start()
    program, config = caught.value.args
    return Path(program).parents[1].name, Path(config).parent.name


def changed(edition: ModuleType) -> None:
    """Deploy other programs, which do something to the database when they start."""
    (edition.ROOT / "second").mkdir()
    (edition.ROOT / "hub").unlink()
    (edition.ROOT / "hub").symlink_to("second")


def tables(edition: ModuleType) -> list[str]:
    with sqlite3.connect(edition.DATABASE) as database:
        return [name for (name,) in database.execute("SELECT name FROM sqlite_master ORDER BY name")]


def fails(edition: ModuleType, monkeypatch: pytest.MonkeyPatch, result: str = "exit-code") -> None:
    monkeypatch.setenv("SERVICE_RESULT", result)
    edition.stopped()


def test_a_new_edition_that_dies_gives_way_to_the_one_before_with_its_database(edition, monkeypatch):
    assert started(edition) == ("first", "config")
    edition.healthy()
    changed(edition)
    assert started(edition) == ("second", "config")
    with sqlite3.connect(edition.DATABASE) as database:
        database.execute("CREATE TABLE migrated (name)")
    fails(edition, monkeypatch)
    assert started(edition) == ("first", "good")
    assert tables(edition) == ["people"]


def test_it_is_tried_again_when_somebody_stops_the_hub(edition, monkeypatch):
    started(edition)
    edition.healthy()
    changed(edition)
    started(edition)
    fails(edition, monkeypatch)
    started(edition)
    fails(edition, monkeypatch, "success")
    assert started(edition) == ("second", "config")
    edition.healthy()
    assert [path.name for path in edition.STATE.glob("before-*")] == []
    assert edition.noted(edition.GOOD / "edition.json")["programs"].endswith("second")


def test_an_edition_that_was_healthy_is_never_refused(edition, monkeypatch):
    started(edition)
    edition.healthy()
    with sqlite3.connect(edition.DATABASE) as database:
        database.execute("CREATE TABLE more (name)")
    started(edition)
    fails(edition, monkeypatch, "signal")
    assert started(edition) == ("first", "config")
    assert tables(edition) == ["more", "people"]


def test_the_first_edition_has_none_to_go_back_to(edition, monkeypatch):
    started(edition)
    fails(edition, monkeypatch)
    assert started(edition) == ("first", "config")


def test_a_copy_that_was_made_is_not_made_again_of_what_half_an_edition_left(edition, monkeypatch):
    started(edition)
    edition.healthy()
    changed(edition)
    started(edition)
    with sqlite3.connect(edition.DATABASE) as database:
        database.execute("CREATE TABLE half (name)")
    started(edition)  # the power was cut: nothing was asked when it ended
    fails(edition, monkeypatch)
    assert tables(edition) == ["people"]
