"""What the engine keeps may be damaged, or find no room: each error has a code and says what to do."""

import errno
import json
import os
import subprocess
from contextlib import contextmanager

import pytest

from provision.node.errors import NodeError, from_os_error
from provision.node.journal import Journal
from provision.node.resources import CheckedFiles, File
from tests.unit.test_node_release import deploy, serving

FILE = File("/etc/a", "x\n")
GROUP = CheckedFiles("group", (File("/etc/g", "1\n"), File("/etc/h", "1\n")), ("succeed",))
STATE = "var/lib/hubctl"
JOURNAL, ORDER = f"{STATE}/journal.json", f"{STATE}/releases/app.json"
INDEX, PLAN = f"{STATE}/originals/group/index.json", f"{STATE}/plans/20990101T000000Z-x.json"


@contextmanager
def mounted(folder, options):
    """Put a small disk in place of a folder."""
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def full(folder):
    return mounted(folder, "size=4k")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        "[]",
        "null",
        "[" * 100_000,
        "\udcff",
        '{"pending": []}',
        '{"pending": {"unit:a.service": ["restart"]}}',
        '{"pending": {"unit:a.service": {"restart": "file:/etc/a"}}}',
        '{"pending": {"unit:a.service": {"restart": [1]}}}',
        '{"switches": {"app": {"release": "a1"}}}',
        '{"switches": {"app": {"release": 1, "former": ""}}}',
        '{"switches": ["app"]}',
        '{"daemon_reload": "yes"}',
        '{"run": null}',
        '{"changed": [["file:/etc/a"]]}',
    ],
)
def test_a_damaged_journal_is_an_error_that_says_what_to_do(tmp_path, text):
    path = tmp_path / "journal.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(NodeError) as caught:
        Journal(path, durable=True)
    assert caught.value.code == "journal-damaged"
    assert str(path) in caught.value.message
    assert "deploy again" in caught.value.hint


def damage_of(machine, place):
    """Return the error of whatever reads a file of the state folder."""
    if place == PLAN:
        return machine.ask("status").error
    if place == ORDER:
        return deploy(machine, "b2").error
    return machine.converge([GROUP]).error


@pytest.mark.parametrize("text", ["", '{"files": [{}], "releases": {}, "resources": [1]}'])
@pytest.mark.parametrize(
    ("place", "code"), [(ORDER, "order-damaged"), (INDEX, "originals-damaged"), (PLAN, "plan-damaged")]
)
def test_each_file_that_is_damaged_has_a_code_and_a_way_out(machine, place, code, text):
    assert deploy(machine, "a1").status == 0
    machine.write(place, text)
    error = damage_of(machine, place)
    assert error["code"] == code
    # The way out works.
    assert "`rm -r" in error["hint"]
    folder = machine.path(place) if place != INDEX else machine.path(place).parent
    assert str(folder) in error["hint"]
    subprocess.run(["rm", "-r", folder], check=True)
    assert deploy(machine, "b2").status == 0
    assert serving(machine)[0] == "b2"


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (JOURNAL, "journal-damaged"),
        (f"{STATE}/audit.jsonl", "state-damaged"),
        (INDEX, "originals-damaged"),
        ("run/hubctl/lock", "state-damaged"),
    ],
)
def test_a_folder_where_a_file_should_be_is_damage(machine, place, code):
    (machine.path(place) / "x").mkdir(parents=True)
    error = machine.converge([FILE]).error
    assert error["code"] == code
    assert str(machine.path(place)) in error["message"]


@pytest.mark.parametrize("place", ["plans", "replaced", "releases", "blobs"])
def test_a_file_where_a_folder_should_be_is_damage_too(machine, place):
    machine.write(f"{STATE}/{place}", "")
    machine.write("etc/systemd/system/web@.service", "by hand\n")
    error = deploy(machine, "a1").error
    assert error["code"] == "state-damaged"
    assert f"{STATE}/{place}" in error["message"]


def test_files_without_a_format_are_those_of_the_version_before(machine):
    deploy(machine, "a1")
    deploy(machine, "b2")
    assert json.loads(machine.read(ORDER)) == {"format": 1, "releases": ["a1", "b2"]}
    machine.write(ORDER, '["b2", "a1"]')
    machine.write(JOURNAL, '{"pending": {}, "switches": {"app": {"release": "b2", "former": "a1"}}}')
    machine.write(INDEX, json.dumps([{"path": "/etc/g", "kind": "absent"}]))
    machine.write("etc/g", "half\n")
    assert deploy(machine, "b2").changed == ["release:app"]
    assert not machine.path("etc/g").exists()
    machine.write(PLAN, '{"run": {}, "resources": [{"kind": "unit", "name": "x.service"}]}')
    assert machine.ask("status").of("data")[0]["data"]["processes"][-1]["unit"] == "x.service"


@pytest.mark.parametrize("place", [JOURNAL, ORDER, INDEX, PLAN])
def test_what_a_later_version_wrote_is_not_guessed_at(machine, place):
    deploy(machine, "a1")
    machine.write(place, '{"format": 2}')
    assert damage_of(machine, place)["code"] == "state-newer"


def test_a_line_of_the_log_that_is_damaged_hides_no_other(machine):
    machine.converge([FILE])
    log = machine.path(f"{STATE}/audit.jsonl")
    log.write_bytes(b'[]\n"x"\nnull\n\xff\n' + b"[" * 100_000 + b"\n" + log.read_bytes())
    (run,) = machine.ask("history").of("data")[0]["data"]["runs"]
    assert run["result"] == "done"
    assert machine.ask("status").status == 0


@pytest.mark.parametrize("options", ["size=4k", "ro"], ids=["full", "read-only"])
def test_a_run_that_cannot_note_its_lock_says_why(machine, options):
    folder = machine.path("run/hubctl")
    with mounted(folder, options):
        if options != "ro":
            (folder / "filler").write_text("x" * 4096)
        error = machine.converge([FILE]).error
    assert error["code"] == ("read-only" if options == "ro" else "disk-full")
    assert str(folder) in error["message"]
    assert str(folder) in error["hint"]


def test_a_disk_without_inodes_is_told_from_one_without_room(machine):
    with mounted(machine.path("etc/small"), "size=1m,nr_inodes=1"):
        error = machine.converge([File("/etc/small/a", "x")]).error
    assert error["code"] == "no-inodes"
    assert f"df -i {machine.path('etc/small')}" in error["hint"]


@pytest.mark.parametrize("place", ["", "plans"])
def test_a_run_that_cannot_be_noted_is_not_blamed_on_its_last_resource(machine, place):
    machine.converge([File("/etc/b", "1\n")])
    folder = machine.path(STATE) / place
    with full(folder):
        (folder / "filler").write_text("x" * 4096)
        run = machine.converge([FILE, File("/etc/b", "x" * 9000)])
    error = run.of("error")[-1]
    assert error["code"] == "disk-full"
    if place:
        assert (error["id"], run.changed) == ("", ["file:/etc/a", "file:/etc/b"])


def test_what_a_kill_left_of_a_plan_goes_with_the_next_run(machine):
    machine.converge([FILE])
    left = machine.write(f"{STATE}/plans/.20260101T000000Z-5f0c0f3e.json.hubctl-new", "{")
    machine.converge([FILE])
    assert not left.exists()


@pytest.mark.parametrize(
    ("number", "path", "code", "command"),
    [
        (errno.EROFS, "/etc/a", "read-only", "findmnt -T /etc"),
        (errno.EIO, "/etc/a", "disk-failing", "dmesg"),
        (errno.EPERM, "/etc", "not-permitted", "lsattr -d / /etc"),
        (errno.EISDIR, "/etc", "in-the-way", "ls -ld /etc"),
        (errno.EISDIR, "/var/lib/hubctl/audit.jsonl", "state-damaged", "move it away"),
        (errno.EMFILE, "/etc", "os-error", "ls -ld /etc"),
        (errno.EDQUOT, "/no/such/place", "disk-full", "df -h /`"),
    ],
)
def test_what_the_system_refuses_is_told_by_its_cause_and_place(number, path, code, command):
    error = from_os_error(OSError(number, os.strerror(number), path))
    assert (error.code, error.message) == (code, f"{path}: {os.strerror(number)}")
    assert command in error.hint
    assert error.hint.endswith("then deploy again")
