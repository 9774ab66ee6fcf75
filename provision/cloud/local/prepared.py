"""Prepared images: snapshots kept for all local clouds of this computer, under a key that says what is in them.

A folder a key: its layers, written once and read-only from then on, and `prepared.json`. An instance adopts one as a
snapshot of its own without copying anything.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ...errors import HubError
from ...node.files import write_file
from . import layers
from .files import locked
from .instance import Instance
from .model import Snapshot
from .store import STATE, Store

FOLDER = Path("/var/cache/hubctl/prepared")
_KEY = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_LOCK = ".lock"  # held for moments only; a claim may be held for minutes
_RECORD = "prepared.json"
_USERS = "users"  # one link an instance, to its folder
_UNUSED_SECONDS = 14 * 24 * 3600


@contextmanager
def claimed(key: str) -> Iterator[None]:
    """Hold the key: who else wants to make or adopt this image waits, so that it is made once."""
    _check(key)
    with locked(FOLDER / f".{key}.lock"):
        yield


def keep(instance: Instance, snapshot: int, key: str) -> None:
    """Keep a snapshot of an instance under a key, in the place of what was kept there; old unused images go.

    Call it while the key is claimed. The instance may end afterwards.

    Raises:
        HubError: `unknown-snapshot`, `prepared-in-use`.
    """
    _check(key)
    found = _snapshot(instance, snapshot)
    building = FOLDER / f".{key}.new"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    lowers = []
    for number, layer in enumerate(found.lowers):
        own = number < len(found.lowers) - 1  # the last is the base image, which all share
        lowers.append(str(number) if own else layer)
        if own:
            layers.link(Path(layer), building / str(number))
    kept = msgspec.structs.replace(found, id=0, droplet_id=0, lowers=lowers)
    write_file(building / _RECORD, msgspec.json.encode(kept))
    (building / _USERS).mkdir()
    target = FOLDER / key
    with locked(FOLDER / _LOCK):
        if target.exists() and _used(target):
            raise HubError("prepared-in-use", f"machines are made of the prepared image {key}")
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    prune()


def adopt(instance: Instance, key: str) -> int | None:
    """Make a prepared image a snapshot of an instance; return its number, or None when there is none of this key.

    Adopting again returns the same number.
    """
    _check(key)
    with locked(FOLDER / _LOCK):
        found = _read(FOLDER / key)
        if found is None:
            return None
        user = FOLDER / key / _USERS / instance.identity
        if not user.is_symlink():
            user.symlink_to(instance.folder)
        os.utime(FOLDER / key / _RECORD)
    with _store(instance) as store, store.transaction():
        known = store.find(Snapshot, lambda item: item.lowers == found.lowers and not item.deleted)
        return (known[0] if known else store.add(found)).id


def prune(seconds: float = _UNUSED_SECONDS) -> None:
    """Remove the images that no instance has adopted for so long and none of this computer has."""
    with locked(FOLDER / _LOCK):
        for record in FOLDER.glob(f"[!.]*/{_RECORD}"):
            if time.time() - record.stat().st_mtime > seconds and not _used(record.parent):
                shutil.rmtree(record.parent, ignore_errors=True)


def _used(folder: Path) -> bool:
    """Tell whether an instance that is still there has adopted the image."""
    return any((user.readlink() / STATE).exists() for user in (folder / _USERS).iterdir())


def _read(folder: Path) -> Snapshot | None:
    """Return a prepared image as an instance stores it; None when a layer of it is gone, its base image say."""
    try:
        snapshot = msgspec.json.decode((folder / _RECORD).read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return None
    lowers = [str(folder / path) for path in snapshot.lowers]  # an absolute one stays as it is
    whole = all(Path(path).is_dir() for path in lowers)
    return msgspec.structs.replace(snapshot, lowers=lowers) if whole else None


def _snapshot(instance: Instance, number: int) -> Snapshot:
    with _store(instance) as store:
        found = store.get(Snapshot, number)
    if found is None or not found.lowers:
        raise HubError("unknown-snapshot", f"the local cloud {instance.name} has no snapshot {number}")
    return found


@contextmanager
def _store(instance: Instance) -> Iterator[Store]:
    store = Store(instance.folder / STATE)
    try:
        yield store
    finally:
        store.close()


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(key)
