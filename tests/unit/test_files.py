"""The one way in which files are written, on nodes and on the operator's computer."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provision.node.files import alone_in, write_file


def test_a_file_has_its_mode_from_the_start_and_leaves_no_temporary(tmp_path: Path) -> None:
    write_file(tmp_path / "secret", "x")
    write_file(tmp_path / "public", b"y", 0o644)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"secret": 0o600, "public": 0o644}


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "file", "old")

    def full(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_file(tmp_path / "file", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_file_and_its_folder_are_made_durable_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def note(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), (tmp_path / "file").exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_file(tmp_path / "file", "x")
    assert synced == [(False, False), (True, True)]


def test_who_is_alone_in_a_folder_loses_nothing_to_others(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with alone_in(tmp_path):
            path = tmp_path / "numbers"
            write_file(path, (path.read_text() if path.exists() else "") + f"{number}\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert sorted(map(int, (tmp_path / "numbers").read_text().split())) == list(range(40))
