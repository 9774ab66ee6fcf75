"""Files are there whole, with their mode from the first moment, and nothing that is not ours is removed."""

import os
import stat
import subprocess

import pytest

from provision.node.resources import Absent, Directory, File, Symlink


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def change_of(run):
    (resource,) = run.of("resource")
    return resource["changes"]


def test_a_file_gets_content_and_mode_with_its_parents(machine):
    machine.converge([File("/etc/a/b/c.conf", "x = 1\n", mode=0o640)])
    assert machine.read("etc/a/b/c.conf") == "x = 1\n"
    assert mode(machine.path("etc/a/b/c.conf")) == 0o640
    assert mode(machine.path("etc/a/b")) == 0o755


def test_a_difference_of_mode_alone_leaves_the_file_where_it_is(machine):
    path = machine.write("etc/a", "x\n")
    path.chmod(0o666)
    inode = path.stat().st_ino
    run = machine.converge([File("/etc/a", "x\n")])
    assert [change["what"] for change in change_of(run)] == ["mode 0666 → 0644"]
    assert (mode(path), path.stat().st_ino) == (0o644, inode)


def test_the_diff_is_a_unified_diff(machine):
    machine.write("etc/a", "one\ntwo")
    run = machine.plan([File("/etc/a", "one\n2\n")])
    diff = change_of(run)[0]["diff"]
    assert diff == "--- /etc/a\n+++ /etc/a\n@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+2\n"


@pytest.mark.parametrize("old", [b"\xff\xfe\x00", b"x" * 300_000])
def test_a_diff_of_binary_or_very_long_content_is_its_size(machine, old):
    machine.write("etc/a", "").write_bytes(old)
    run = machine.plan([File("/etc/a", "new\n")])
    assert f"{len(old)} → 4 bytes" in change_of(run)[0]["diff"]


def test_a_secret_is_shown_by_digest_and_kept_nowhere_else(machine):
    machine.write("etc/key", "OLD-SECRET\n")
    run = machine.converge([File("/etc/key", "NEW-SECRET\n", mode=0o600, secret=True)])
    assert machine.read("etc/key") == "NEW-SECRET\n"
    assert change_of(run)[0]["diff"].count("sha256 ") == 2
    assert "SECRET" not in str(run.events)
    state = subprocess.run(
        ["grep", "-r", "SECRET", machine.path("var/lib/hubctl")], capture_output=True, check=False
    )
    assert state.stdout == b""


def test_a_replaced_file_is_kept_for_root_alone(machine):
    machine.write("etc/a", "by hand\n")
    machine.converge([File("/etc/a", "ours\n")])
    (kept,) = machine.path("var/lib/hubctl/replaced").rglob("a")
    assert kept.read_text() == "by hand\n"
    assert mode(machine.path("var/lib/hubctl/replaced")) == 0o700


def test_only_the_files_of_the_last_runs_are_kept(machine):
    for number in range(25):
        machine.path(f"var/lib/hubctl/replaced/20200101T0000{number:02}Z-x").mkdir(parents=True)
    machine.write("etc/a", "by hand\n")
    machine.converge([File("/etc/a", "ours\n")])
    assert len(list(machine.path("var/lib/hubctl/replaced").iterdir())) == 21


@pytest.mark.parametrize("resource", [File("/etc/a", "x"), Symlink("/etc/a", "b"), Absent("/etc/a")])
def test_a_directory_in_the_way_is_put_away_with_all_that_is_in_it(machine, resource):
    machine.write("etc/a/precious", "data")
    run = machine.converge([resource])
    assert "the directory" in change_of(run)[0]["what"]
    (kept,) = machine.path("var/lib/hubctl/replaced").rglob("precious")
    assert kept.read_text() == "data"
    assert machine.converge([resource]).changed == []


@pytest.mark.parametrize("resource", [File("/etc/a", "x"), Symlink("/etc/a", "b"), Absent("/etc/a")])
def test_a_pipe_in_the_way_is_put_away_and_not_waited_for(machine, resource):
    os.mkfifo(machine.path("etc/a"))
    assert machine.converge([resource]).changed == [resource.id]
    assert machine.converge([resource]).changed == []


def test_a_file_and_a_link_to_nothing_in_place_of_a_directory_are_put_away(machine):
    machine.write("etc/a", "data")
    machine.path("etc/b").symlink_to("/nowhere")
    resources = [Directory("/etc/a"), Directory("/etc/b", mode=0o700)]
    assert machine.converge(resources).end["changed"] == 2
    assert machine.converge(resources).changed == []


def test_a_directory_does_not_take_the_place_of_a_link_to_another(machine):
    machine.path("etc/b").symlink_to("/tmp")
    run = machine.converge([Directory("/etc/b", mode=0o700)])
    assert run.error["code"] == "in-the-way"
    assert "/etc/b is a link to /tmp" in run.error["message"]


def test_a_link_in_place_of_a_file_is_replaced_and_its_target_left_alone(machine):
    machine.write("etc/target", "precious\n")
    machine.path("etc/a").symlink_to("target")
    machine.converge([File("/etc/a", "ours\n")])
    assert not machine.path("etc/a").is_symlink()
    assert machine.read("etc/target") == "precious\n"


def test_links_are_made_and_changed(machine):
    machine.converge([Symlink("/etc/a", "one")])
    run = machine.converge([Symlink("/etc/a", "two")])
    assert str(machine.path("etc/a").readlink()) == "two"
    assert change_of(run)[0]["what"] == "target one → two"


def test_absent_removes_files_and_links_once(machine):
    machine.write("etc/a", "x")
    machine.path("etc/b").symlink_to("nowhere")
    gone = [Absent("/etc/a"), Absent("/etc/b"), Absent("/etc/c/d")]
    assert machine.converge(gone).changed == ["absent:/etc/a", "absent:/etc/b"]
    assert machine.converge(gone).changed == []


def test_an_owner_who_is_not_there_yet_is_an_error_only_when_it_counts(machine):
    file = File("/etc/a", "x", owner="app")
    assert machine.plan([file]).changed == ["file:/etc/a"]
    run = machine.converge([file])
    assert run.error["code"] == "unknown-account"
    assert "user app" in run.error["message"]
    assert not machine.path("etc/a").exists()


@pytest.mark.parametrize("stage", ["before", "journaled", "after"])
def test_a_kill_leaves_the_old_or_the_new_file(machine, stage):
    machine.write("etc/a", "old\n")
    assert machine.converge([File("/etc/a", "new\n")], fault=f"file:/etc/a:{stage}").killed
    assert machine.read("etc/a") in ("old\n", "new\n")


def test_a_full_disk_leaves_the_old_file_and_says_so(machine):
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    disk = machine.path("etc/small")
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
    try:
        machine.write("etc/small/a", "old\n")
        run = machine.converge([File("/etc/small/a", "x" * 200_000)])
        assert (run.status, run.error["code"]) == (1, "disk-full")
        assert "df -h" in run.error["hint"]
        assert [path.name for path in disk.iterdir()] == ["a"]
        assert machine.read("etc/small/a") == "old\n"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_file_system_holds_no_temporary_files_afterwards(machine):
    machine.converge([File(f"/etc/{name}", "x\n") for name in "abc"])
    assert list(machine.root.rglob("*.hubctl-new")) == []
