"""Prepared images: kept once for all local clouds of a computer."""

from __future__ import annotations

import ipaddress
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from provision.cloud.local import prepared
from provision.cloud.local.instance import Instance
from provision.cloud.local.model import Snapshot
from provision.cloud.local.store import STATE, Store
from provision.errors import HubError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "FOLDER", tmp_path / "prepared")


def make_instance(tmp_path: Path, name: str) -> Instance:
    (tmp_path / name).mkdir()
    subnet, subnet6 = ipaddress.IPv4Network("10.9.8.0/24"), ipaddress.IPv6Network("fd00:9::/64")
    made = Instance(name, tmp_path / name, f"hub-{name}", subnet, subnet6, 1, 2)
    Store(made.folder / STATE).close()
    return made


def snapshot_of(instance: Instance, base: Path) -> int:
    """Give an instance a snapshot of one layer with one file."""
    layer = instance.snapshots / "1"
    layer.mkdir(parents=True)
    (layer / "file").write_text("kept")
    base.mkdir(exist_ok=True)
    store = Store(instance.folder / STATE)
    lowers = [str(layer), str(base)]
    item = Snapshot(
        name="n",
        droplet_id=3,
        image="debian-13-x64",
        region="nyc1",
        created_at="",
        min_disk_size=25,
        lowers=lowers,
    )
    number = store.add(item).id
    store.close()
    return number


def snapshots(instance: Instance) -> list[Snapshot]:
    store = Store(instance.folder / STATE)
    found = store.find(Snapshot)
    store.close()
    return found


def test_another_instance_adopts_what_one_has_kept(tmp_path: Path) -> None:
    one, two = make_instance(tmp_path, "one"), make_instance(tmp_path, "two")
    number = snapshot_of(one, tmp_path / "base")
    assert prepared.adopt(two, "k") is None
    with prepared.claimed("k"):
        prepared.keep(one, number, "k")
    shutil.rmtree(one.folder)
    adopted = prepared.adopt(two, "k")
    (snapshot,) = snapshots(two)
    assert snapshot.id == adopted
    assert (Path(snapshot.lowers[0]) / "file").read_text() == "kept"
    assert snapshot.lowers[1:] == [str(tmp_path / "base")]
    assert prepared.adopt(two, "k") == adopted
    assert len(snapshots(two)) == 1


def test_one_whose_base_image_is_gone_is_none(tmp_path: Path) -> None:
    one = make_instance(tmp_path, "one")
    prepared.keep(one, snapshot_of(one, tmp_path / "base"), "k")
    (tmp_path / "base").rmdir()
    assert prepared.adopt(one, "k") is None


def test_an_unknown_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="no snapshot 7"):
        prepared.keep(make_instance(tmp_path, "one"), 7, "k")


def test_a_claim_is_one_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def claim() -> None:
        with prepared.claimed("k"):
            entered.set()

    with prepared.claimed("k"):
        other = threading.Thread(target=claim)
        other.start()
        assert not entered.wait(0.2)
    other.join(10)
    assert entered.is_set()


def test_what_nobody_uses_goes_when_it_is_old(tmp_path: Path) -> None:
    one, two = make_instance(tmp_path, "one"), make_instance(tmp_path, "two")
    number = snapshot_of(one, tmp_path / "base")
    for key in ("used", "new", "old"):
        prepared.keep(one, number, key)
    prepared.adopt(two, "used")
    for key in ("used", "old"):
        record = prepared.FOLDER / key / "prepared.json"
        os.utime(record, (0, time.time() - 100))
    prepared.prune(seconds=50)
    assert sorted(path.name for path in prepared.FOLDER.glob("[!.]*")) == ["new", "used"]
    shutil.rmtree(two.folder)
    prepared.prune(seconds=50)
    assert sorted(path.name for path in prepared.FOLDER.glob("[!.]*")) == ["new"]


def test_what_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    one, two = make_instance(tmp_path, "one"), make_instance(tmp_path, "two")
    number = snapshot_of(one, tmp_path / "base")
    prepared.keep(one, number, "k")
    prepared.adopt(two, "k")
    with pytest.raises(HubError, match="machines are made"):
        prepared.keep(one, number, "k")
    shutil.rmtree(two.folder)
    prepared.keep(one, number, "k")
