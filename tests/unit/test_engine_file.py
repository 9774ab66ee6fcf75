"""The engine on a node is one file with its hash: whole, or sent again."""

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest

from provision.node import install
from provision.packing import engine_archive, engine_program
from provision.transport.engine import NOT_THERE
from tests.support.node_engine import frame, python

DIGEST, ARCHIVE = engine_archive()
NOBODYS = frame(gzip.compress(json.dumps({"format": 1, "op": "nobody's"}).encode()))


def installed(folder, archive=ARCHIVE, version="3.9"):
    words = [python(version), "-I", "-S", "-c", engine_program("install"), str(folder), DIGEST]
    return subprocess.run(words, input=archive, capture_output=True, check=False)


def started(folder, version="3.9"):
    words = [python(version), "-I", "-S", "-c", engine_program("start"), str(folder)]
    return subprocess.run(words, input=NOBODYS, capture_output=True, check=False)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "engine" / DIGEST
    assert installed(folder).returncode == 0
    return (folder / "engine").read_bytes()


@pytest.fixture
def folder(tmp_path, content):
    folder = tmp_path / "engine" / DIGEST
    folder.mkdir(parents=True)
    (folder / "engine").write_bytes(content)
    return folder


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_an_engine_that_was_installed_answers(tmp_path, version):
    folder = tmp_path / "state" / "engine" / DIGEST
    assert started(folder, version).returncode == NOT_THERE
    assert installed(folder, version=version).returncode == 0
    done = started(folder, version)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"] for each in said] == ["error", "end"], done.stderr
    assert said[0]["code"] == "bad-manifest"
    assert done.returncode == 1
    assert [path.name for path in folder.iterdir()] == ["engine"]
    assert (folder / "engine").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


DAMAGE = {
    "emptied": lambda content: b"",
    "cut in its hash": lambda content: content[:40],
    "cut": lambda content: content[:-1000],
    "longer": lambda content: content + b"\0",
    "zeros at its end": lambda content: content[:-4096] + bytes(4096),
    "one bit": lambda content: content[:9000] + bytes([content[9000] ^ 1]) + content[9001:],
    "another hash": lambda content: bytes(64) + content[64:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_engine_is_not_run_and_installed_again(folder, content, damage):
    (folder / "engine").write_bytes(damage(content))
    done = started(folder)
    assert (done.returncode, done.stdout) == (NOT_THERE, b"")
    assert installed(folder).returncode == 0
    assert started(folder).returncode == 1


def test_an_engine_compiled_by_another_python_is_installed_again(folder):
    if python("3.13") == python("3.9"):
        pytest.skip("there is one Python here")
    assert started(folder, "3.13").returncode == NOT_THERE


@pytest.mark.parametrize("archive", [b"", ARCHIVE[:-1], ARCHIVE[: len(ARCHIVE) // 2], ARCHIVE[:-1] + b"x"])
def test_an_archive_that_did_not_arrive_whole_replaces_nothing(folder, content, archive):
    done = installed(folder, archive)
    assert done.returncode == 1
    assert done.stderr == b"the engine did not arrive whole\n"
    assert (folder / "engine").read_bytes() == content


@pytest.mark.parametrize("place", ["engine", f"engine/{DIGEST}"])
@pytest.mark.parametrize("put", [Path.touch, lambda path: path.symlink_to("/nowhere")], ids=["file", "link"])
def test_what_is_in_the_place_of_its_folders_goes(tmp_path, place, put):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    put(tmp_path / place)
    folder = tmp_path / "engine" / DIGEST
    assert started(folder).returncode == NOT_THERE
    assert installed(folder).returncode == 0
    assert started(folder).returncode == 1


def test_a_folder_in_the_place_of_its_file_goes(tmp_path):
    folder = tmp_path / "engine" / DIGEST
    (folder / "engine" / "more").mkdir(parents=True)
    assert started(folder).returncode == NOT_THERE
    assert installed(folder).returncode == 0
    assert started(folder).returncode == 1


def test_where_nothing_can_be_written_the_reason_is_said(tmp_path):
    (tmp_path / "state").write_text("no folder")
    done = installed(tmp_path / "state" / "engine" / DIGEST)
    assert done.returncode == 1
    assert b"Not a directory" in done.stderr
    assert b"Traceback" not in done.stderr


def test_it_is_on_disk_before_it_has_its_name_and_so_is_the_name(tmp_path, monkeypatch):
    """Or else a power cut leaves a name without its content."""
    seen = []
    folder = tmp_path / "state" / "engine" / DIGEST
    names = {}
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle):
        seen.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    def note_replace(path, target):
        names[path.name] = target.name
        seen.append("renamed")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    umask = os.umask(0o022)
    try:
        install.install(folder, b"content")
    finally:
        os.umask(umask)
    (unfinished,) = names
    assert names == {unfinished: "engine"}
    assert seen == [unfinished, "renamed", DIGEST, "engine", "state"]
