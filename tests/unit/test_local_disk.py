"""A machine's disk before its first boot, over snapshots and a base image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.cloud.local import layers
from provision.cloud.local.disk import Disk


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    for name in ("base/etc", "snapshot/etc", "layer"):
        (tmp_path / name).mkdir(parents=True)
    return Disk(tmp_path / "base", tmp_path / "layer", (tmp_path / "snapshot",))


class TestReading:
    def test_a_snapshot_covers_the_base_and_the_machine_covers_both(self, disk: Disk) -> None:
        (disk.base / "etc/file").write_text("base")
        assert disk.read("etc/file") == "base"
        (disk.snapshots[0] / "etc/file").write_text("snapshot")
        assert disk.read("etc/file") == "snapshot"
        disk.write("etc/file", "own")
        assert disk.read("etc/file") == "own"

    def test_a_folder_has_the_mode_of_the_topmost_one_below(self, disk: Disk) -> None:
        (disk.base / "etc").chmod(0o755)
        (disk.snapshots[0] / "etc").chmod(0o700)
        disk.write("etc/file", "own")
        assert (disk.layer / "etc").stat().st_mode & 0o777 == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="overlayfs' signs are made by root")
    def test_what_the_snapshot_removed_is_not_there(self, disk: Disk) -> None:
        (disk.base / "etc/folder").mkdir()
        for name in ("etc/file", "etc/folder/file"):
            (disk.base / name).write_text("base")
        for name in ("etc/file", "etc/folder"):
            os.mknod(disk.snapshots[0] / name, 0o600 | 0o020000, os.makedev(0, 0))
        assert [disk.has(name) for name in ("etc/file", "etc/folder", "etc/folder/file")] == [False] * 3
        assert disk.read("etc/folder/file") == ""

    @pytest.mark.skipif(os.geteuid() != 0, reason="overlayfs' signs are made by root")
    def test_a_folder_that_the_snapshot_replaced_shows_nothing_of_the_old_one(self, disk: Disk) -> None:
        for root in (disk.base, disk.snapshots[0]):
            (root / "etc/folder").mkdir()
        (disk.base / "etc/folder/file").write_text("base")
        assert disk.has("etc/folder/file")
        os.setxattr(disk.snapshots[0] / "etc/folder", "trusted.overlay.opaque", b"y")
        assert not disk.has("etc/folder/file")
        assert disk.has("etc/folder")


class TestLayers:
    def test_a_copy_is_apart_and_keeps_links_and_modes(self, tmp_path: Path) -> None:
        layer = tmp_path / "layer"
        layer.mkdir()
        (layer / "file").write_text("before")
        (layer / "file").chmod(0o600)
        (layer / "second").hardlink_to(layer / "file")
        layers.copy(layer, tmp_path / "kept/1", [])
        (layer / "file").write_text("after")
        kept = tmp_path / "kept/1"
        assert (kept / "second").read_text() == "before"
        assert (kept / "file").stat().st_mode & 0o777 == 0o600
        assert (kept / "file").samefile(kept / "second")

    def test_what_a_killed_copy_left_is_no_part_of_the_next(self, tmp_path: Path) -> None:
        (tmp_path / "layer").mkdir()
        (tmp_path / "kept/.1").mkdir(parents=True)
        (tmp_path / "kept/.1/half").touch()
        layers.copy(tmp_path / "layer", tmp_path / "kept/1", [])
        assert list((tmp_path / "kept").rglob("*")) == [tmp_path / "kept/1"]

    def test_a_link_takes_no_room(self, tmp_path: Path) -> None:
        (tmp_path / "layer").mkdir()
        (tmp_path / "layer/file").write_bytes(b"x" * 100_000)
        layers.link(tmp_path / "layer", tmp_path / "second")
        assert (tmp_path / "second/file").samefile(tmp_path / "layer/file")
        assert layers.size(tmp_path) == layers.size(tmp_path / "layer") > 90_000
