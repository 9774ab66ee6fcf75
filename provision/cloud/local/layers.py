"""Layers of machines' disks: a machine's own layer, copied, is a layer that other machines are made over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import cgroup
from .command import run


def copy(layer: Path, target: Path, groups: Sequence[Path]) -> None:
    """Copy the layer of a machine, which stands still meanwhile, so that the copy is whole or not there.

    Args:
        layer: overlayfs' upper folder; what it says of removed files and replaced folders is copied with it.
        target: the new folder.
        groups: control groups of the machine.
    """
    building = _cleared(target)
    with cgroup.frozen(groups):
        run(["cp", "--archive", "--reflink=auto", "--no-target-directory", "--", str(layer), str(building)])
    building.rename(target)


def link(layer: Path, target: Path) -> None:
    """Make a second name for a layer that nobody writes to any more: no copy where both are on one file system."""
    building = _cleared(target)
    argv = ["cp", "--archive", "--no-target-directory", "--"]
    hard = ["--link"] if layer.stat().st_dev == target.parent.stat().st_dev else ["--reflink=auto"]
    run([*argv[:2], *hard, *argv[2:], str(layer), str(building)])
    building.rename(target)


def size(layer: Path) -> int:
    """Return how many bytes a layer takes on disk; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for folder, _, files in os.walk(layer):
        for name in files:
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - tens of thousands of files
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


def _cleared(target: Path) -> Path:
    """Return where a layer is made; what a killed copy left there is removed."""
    target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    building = target.with_name(f".{target.name}")
    shutil.rmtree(building, ignore_errors=True)
    return building
