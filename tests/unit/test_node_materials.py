"""Materials come into all homes, as each home's owner, and nothing that a learner changed is overwritten."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

from tests.support.node_engine import Machine, Run

WORD = "tamu-rito-keba-nosi"
NOTE = "var/lib/hub/jupyterhub/pushed/ann.json"
LESSON = "course/lesson.ipynb"


@pytest.fixture
def room(machine: Machine) -> Machine:
    """A machine with two users."""
    people = [{"name": name, "password": WORD, "admin": None} for name in ("ann", "bob")]
    assert machine.ask("users-add", users=people, new=True).status == 0
    return machine


def push(machine: Machine, files: dict[str, str], **fields: object) -> Run:
    blobs = {hashlib.sha256(text.encode()).hexdigest(): text.encode() for text in files.values()}
    wanted = [
        {"path": path, "sha256": hashlib.sha256(text.encode()).hexdigest()} for path, text in files.items()
    ]
    return machine.ask("materials-push", files=wanted, blobs=blobs, **fields)


def came(run: Run, name: str = "ann") -> dict[str, object]:
    """Return what became of a user's home: the counts that are not 0, and the problem if there is one."""
    assert run.status == 0, run.events
    (data,) = run.of("data")
    (found,) = [user for user in data["data"]["users"] if user["name"] == name]
    return {key: value for key, value in found.items() if value and key != "name"}


def learner(machine: Machine, path: str, text: str) -> None:
    """Have Ann write a file."""
    file = machine.write(f"home/ann/{path}", text)
    if os.getuid() == 0:
        owner = machine.path("home/ann").stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def test_what_is_pushed_is_its_owners_in_every_home(room: Machine) -> None:
    run = push(room, {LESSON: "one", "course/data/a.csv": "1;2"})
    assert came(run) == came(run, "bob") == {"new": 2}
    file = room.path(f"home/ann/{LESSON}")
    assert file.read_text() == "one"
    assert file.stat().st_uid == file.parent.stat().st_uid == room.path("home/ann").stat().st_uid
    assert stat.S_IMODE(room.path(NOTE).parent.stat().st_mode) == 0o700
    assert room.path(NOTE).stat().st_uid == os.getuid()
    again = push(room, {LESSON: "one", "course/data/a.csv": "1;2"})
    assert came(again) == {"same": 2}
    assert again.changed == []


def test_what_a_learner_did_not_change_is_updated_and_what_they_deleted_comes_back(room: Machine) -> None:
    push(room, {LESSON: "one", "course/second.ipynb": "one"})
    room.path("home/ann/course/second.ipynb").unlink()
    assert came(push(room, {LESSON: "two", "course/second.ipynb": "one"})) == {"new": 1, "updated": 1}
    assert room.read(f"home/ann/{LESSON}") == "two"
    assert room.read("home/ann/course/second.ipynb") == "one"


def test_what_a_learner_changed_stays_and_what_is_new_comes_beside_it(room: Machine) -> None:
    push(room, {LESSON: "one"})
    learner(room, LESSON, "mine")
    assert came(push(room, {LESSON: "one"})) == {"kept": 1}
    assert came(push(room, {LESSON: "two"})) == {"conflict": 1, "beside": ["course/lesson.new.ipynb"]}
    assert room.read("home/ann/course/lesson.new.ipynb") == "two"
    assert came(push(room, {LESSON: "two"})) == {"kept": 1}
    assert came(push(room, {LESSON: "three"}))["beside"] == ["course/lesson.new.ipynb"]
    learner(room, "course/lesson.new.ipynb", "mine, too")
    assert came(push(room, {LESSON: "four"}))["beside"] == ["course/lesson.new-2.ipynb"]
    texts = {path.name: path.read_text() for path in room.path("home/ann/course").iterdir()}
    assert texts == {"lesson.ipynb": "mine", "lesson.new.ipynb": "mine, too", "lesson.new-2.ipynb": "four"}
    assert room.read(f"home/bob/{LESSON}") == "four"


def test_a_file_that_was_a_learners_own_before_stays(room: Machine) -> None:
    learner(room, "lesson.ipynb", "mine")
    assert came(push(room, {"lesson.ipynb": "one"})) == {"conflict": 1, "beside": ["lesson.new.ipynb"]}
    assert room.read("home/ann/lesson.ipynb") == "mine"


@pytest.mark.parametrize("trap", ["file", "folder", "pipe", "temporary"])
def test_traps_in_a_home_lead_nowhere_and_keep_nothing_from_others(room: Machine, trap: str) -> None:
    secret = room.write("srv/exam", "secret")
    home = room.path("home/ann")
    if trap == "folder":
        (home / "course").symlink_to(room.path("srv"))
    else:
        (home / "course").mkdir()
        os.chown(home / "course", home.stat().st_uid, home.stat().st_gid)
    if trap == "file":
        (home / LESSON).symlink_to(secret)
    if trap == "pipe":
        os.mkfifo(home / LESSON)
    if trap == "temporary":
        (home / "course/.lesson.ipynb.hubctl-new").symlink_to(secret)
    run = push(room, {LESSON: "one"})
    told = came(run)
    assert came(run, "bob") == {"new": 1}
    assert (secret.read_text(), [path.name for path in room.path("srv").iterdir()]) == ("secret", ["exam"])
    if trap == "folder":
        assert "course is no folder there, and stays as it is" in str(told["problem"])
    elif trap == "temporary":
        assert told == {"new": 1}
    else:
        assert told["beside"] == ["course/lesson.new.ipynb"]


def test_a_home_that_is_a_link_or_not_there_is_told_and_others_go_on(room: Machine) -> None:
    room.path("home/ann").rename(room.path("home/moved"))
    run = push(room, {LESSON: "one"})
    assert ("home/ann" in str(came(run)["problem"]), came(run, "bob")) == (True, {"new": 1})
    room.path("home/ann").symlink_to(room.path("home/moved"))
    assert "is a link" in str(came(push(room, {LESSON: "one"}))["problem"])
    assert list(room.path("home/moved").iterdir()) == []


def test_a_push_that_is_killed_is_finished_by_the_same_command(room: Machine) -> None:
    push(room, {LESSON: "one"})
    learner(room, LESSON, "mine")
    assert push(room, {LESSON: "two"}, fault="account:ann:put").killed
    assert came(push(room, {LESSON: "two"})) == {"conflict": 1, "beside": ["course/lesson.new.ipynb"]}
    assert sorted(path.name for path in room.path("home/ann/course").iterdir()) == [
        "lesson.ipynb",
        "lesson.new.ipynb",
    ]
    assert room.read(f"home/bob/{LESSON}") == "two"


def test_a_home_takes_no_more_than_its_limit(room: Machine) -> None:
    room.write("etc/jupyterhub/settings.json", '{"disk": 1}')
    run = push(room, {"a.txt": "small", "big.bin": "x" * (1 << 20)})
    assert came(run) == {"new": 1, "problem": "big.bin: the home would be fuller than it may be"}
    assert not room.path("home/ann/big.bin").exists()


def test_what_a_namesake_was_given_counts_for_nothing(room: Machine) -> None:
    push(room, {LESSON: "one"})
    note = room.path(NOTE)
    uid = room.path("home/ann").stat().st_uid
    note.write_text(note.read_text().replace(f'"uid": {uid}', '"uid": 4321'))
    assert came(push(room, {LESSON: "two"}))["conflict"] == 1
    note.write_text("{")
    assert "cannot be read" in str(came(push(room, {LESSON: "two"}))["problem"])
    room.ask("users-remove", names=["ann"])
    assert not note.exists()


@pytest.mark.parametrize("path", ["../ann/x", "/etc/passwd", "a//b", ""])
def test_paths_that_lead_out_of_a_home_are_refused_on_the_node_too(room: Machine, path: str) -> None:
    wanted = [{"path": path, "sha256": hashlib.sha256(b"").hexdigest()}]
    run = room.ask("materials-push", files=wanted, blobs={})
    assert (run.status, run.error["code"]) == (1, "bad-manifest")


def test_without_materials_of_a_deploy_there_is_nothing_to_bring_up_to_date(room: Machine) -> None:
    assert room.ask("materials-pull").error["code"] == "no-materials"


def test_materials_of_a_deploy_are_brought_up_to_date_as_each_user_within_the_bounds_of_all(
    room: Machine,
) -> None:
    room.write("opt/hub/jupyterhub/materials.py", "")
    uids = [room.path(f"home/{name}").stat().st_uid for name in ("ann", "bob")]
    room.write("fake/pull-fails", f"--uid={uids[1]}")
    run = room.ask("materials-pull")
    assert came(run) == {}
    problem = "fatal: no such repository\n/srv/course: could not be brought up to date within 40 s"
    assert came(run, "bob") == {"problem": problem}
    calls = sorted(room.calls("systemd-run"), key=lambda call: call[call.index("--collect") + 1])
    assert [word for word in calls[0] if word.startswith("--uid=")] == [f"--uid={uids[0]}"]
    assert "--slice=jupyterhub-users.slice" in calls[0]
    assert "WorkingDirectory=/home/ann" in calls[0]
    room.forget_calls()
    (data,) = room.ask("materials-pull", users=["ann"]).of("data")
    assert [user["name"] for user in data["data"]["users"]] == ["ann"]
    assert len(room.calls("systemd-run")) == 1
