"""Folders that the operator sends are there whole and as they came, or as they were before."""

from __future__ import annotations

import hashlib
import tarfile

import pytest

from provision.node.resources import Tree
from provision.packing import pack
from tests.support.node_engine import Machine, Run

PLACE = "/opt/course"
ONE = {"python/first.txt": b"one", "python/data/\u00e4.csv": b"1;2"}
TWO = {"python/first.txt": b"two"}


def sent(machine: Machine, files: dict[str, bytes], *, said: bytes | None = None, **fields: object) -> Run:
    data = pack(files, tarfile.PAX_FORMAT)
    digest = hashlib.sha256(data).hexdigest()
    return machine.converge([Tree(PLACE, digest)], blobs={digest: said or data}, **fields)


def there(machine: Machine) -> dict[str, bytes]:
    folder = machine.path(PLACE).resolve()
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".hubctl-")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_folder_is_there_as_it_was_sent_and_is_sent_once(machine: Machine) -> None:
    assert sent(machine, ONE).changed == [f"tree:{PLACE}"]
    assert there(machine) == ONE
    again = sent(machine, ONE)
    assert (again.changed, again.of("need")) == ([], [])
    sent(machine, TWO)
    assert there(machine) == TWO
    assert len(list(machine.path("opt").iterdir())) == 2


@pytest.mark.parametrize("damage", ["file", "link", "folder"])
def test_what_is_damaged_is_mended(machine: Machine, damage: str) -> None:
    sent(machine, ONE)
    place = machine.path(PLACE)
    if damage == "file":
        (place / "python/first.txt").write_text("other")
    else:
        place.unlink()
    if damage == "folder":
        place.mkdir()
    assert sent(machine, ONE).changed == [f"tree:{PLACE}"]
    assert there(machine) == ONE


@pytest.mark.parametrize("stage", ["journaled", "extracted"])
def test_a_run_that_is_killed_is_finished_by_the_next(machine: Machine, stage: str) -> None:
    sent(machine, ONE)
    assert sent(machine, TWO, fault=f"tree:{PLACE}:{stage}").killed
    assert there(machine) == ONE
    sent(machine, TWO)
    assert there(machine) == TWO


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a//b"])
def test_what_is_not_what_was_announced_or_leads_out_is_refused(machine: Machine, path: str) -> None:
    sent(machine, ONE)
    assert sent(machine, TWO, said=b"something else").error["code"] == "bad-upload"
    assert sent(machine, {path: b"x"}).error["code"] == "bad-upload"
    assert there(machine) == ONE
    assert not machine.path("out").exists()
