"""`hubctl materials push`: what is sent and where it goes, and what is said of it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from provision.actions.fleet import LoadedFleet
from provision.actions.materials import folder_of_home, gather, link, packed
from provision.errors import Exit, HubError, HubErrors
from provision.inventory.load import load
from provision.node.users import put
from tests.support.hub_users import INVENTORY, Desk
from tests.support.node_engine import Machine


@pytest.fixture
def desk(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path, machine, monkeypatch)
    assert desk.users("add", "ann", "bob").exit_code == 0
    return desk


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "my course"
    for name in ("lesson.ipynb", "data/a.csv", ".git/config", "data/.ipynb_checkpoints/a.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def paths(source: Path, to: str = "") -> list[str]:
    return [sent.path for sent in gather(source, to)]


def test_a_file_goes_into_a_folder_and_a_folder_becomes_it(course: Path) -> None:
    assert paths(course) == ["my course/data/a.csv", "my course/lesson.ipynb"]
    assert paths(course, "python/one") == ["python/one/data/a.csv", "python/one/lesson.ipynb"]
    assert paths(course / "lesson.ipynb") == ["lesson.ipynb"]
    assert paths(course / "lesson.ipynb", "~/course/") == ["course/lesson.ipynb"]


def test_the_link_opens_the_notebook_or_the_folder(course: Path) -> None:
    tree = "https://hub.lab.test/hub/user-redirect/lab/tree"
    hub = "https://hub.lab.test"
    assert link(hub, gather(course / "lesson.ipynb", "my course")) == f"{tree}/my%20course/lesson.ipynb"
    assert link(hub, gather(course)) == f"{tree}/my%20course"
    assert link("", gather(course)) == ""


@pytest.mark.parametrize("to", ["/etc", "../ann", "a/../../b", "~ann/x"])
def test_what_is_no_folder_of_a_home_is_refused(to: str) -> None:
    with pytest.raises(HubError, match="no folder of a home"):
        folder_of_home(to)


def test_what_cannot_be_sent_is_refused_before_the_node_is_asked(
    course: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> tuple[int, str]:
        done = desk.hubctl("materials", "push", str(path), "--json")
        return done.exit_code, json.loads(done.stdout.splitlines()[-1])["code"]

    assert refused(course / "nothing") == (Exit.USAGE, "no-file")
    (course / "key").symlink_to("/etc/shadow")
    assert refused(course) == (Exit.USAGE, "no-file")
    (course / "key").unlink()
    (course / "line\nbreak").write_text("")
    assert refused(course) == (Exit.USAGE, "bad-name")
    (course / "line\nbreak").unlink()
    monkeypatch.setattr("provision.actions.materials.MOST_FILES", 1)
    assert refused(course) == (Exit.USAGE, "too-large")
    assert not desk.machine.path("home/ann/my course").exists()
    assert put.MOST_FILES > 1


def test_folders_of_the_inventory_are_one_archive_and_what_cannot_be_sent_is_told_with_its_place(
    tmp_path: Path, course: Path
) -> None:
    hub = "materials: [{folder: my course, to: python}, {repo: https://git.example.org/x, to: x}]"
    node = f"debian-13-x64, services: {{jupyterhub: {{hostname: hub, {hub}}}}}"
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY.replace("debian-13-x64", node))
    loaded = LoadedFleet(load(path), path)
    (course / "ä").write_text("umlaut")

    def materials() -> bytes:
        return packed(loaded, "box", loaded.fleet.nodes["box"].services.jupyterhub.materials)

    with tarfile.open(fileobj=io.BytesIO(materials())) as archive:
        assert archive.getnames() == ["python/data/a.csv", "python/lesson.ipynb", "python/ä"]
    assert materials() == materials()
    (course / "key").symlink_to("/etc/shadow")
    with pytest.raises(HubErrors) as caught:
        materials()
    (course / "key").unlink()
    course.rename(tmp_path / "away")
    with pytest.raises(HubErrors) as missing:
        materials()
    for error in (caught.value, missing.value):
        assert error.exit_code == Exit.INVENTORY
        assert (error.where.line, error.where.column) == (7, 110)


def test_a_line_for_each_user_says_what_became_of_it(course: Path, desk: Desk) -> None:
    done = desk.hubctl("materials", "push", str(course), "--json")
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = {event["name"]: event["new"] for event in events if event["event"] == "materials"}
    assert told == {"ann": 2, "bob": 2}
    assert desk.machine.read("home/bob/my course/lesson.ipynb") == "lesson.ipynb"


def test_single_users_get_it_alone_and_whoever_is_none_is_said(course: Path, desk: Desk) -> None:
    done = desk.hubctl("materials", "push", str(course), "--user", "bob", "--user", "bob")
    assert done.exit_code == 0, done.output
    assert not desk.machine.path("home/ann/my course").exists()
    assert desk.machine.read("home/bob/my course/lesson.ipynb") == "lesson.ipynb"
    done = desk.hubctl("materials", "push", str(course), "--user", "ann", "--user", "root")
    assert (done.exit_code, "unknown-user" in done.output) == (Exit.FAILED, True)
    assert not desk.machine.path("home/ann/my course").exists()


def test_a_home_that_did_not_get_all_is_named_and_the_others_got_theirs(course: Path, desk: Desk) -> None:
    desk.machine.path("home/ann/my course").symlink_to(desk.machine.path("srv"))
    done = desk.hubctl("materials", "push", str(course))
    assert done.exit_code == Exit.FAILED
    assert "1 of 2 homes did not get all" in done.output
    assert "ann: my course/data/a.csv: my course is no folder there" in done.output
    assert desk.machine.path("home/bob/my course/data/a.csv").exists()


def test_without_a_path_the_inventory_must_have_materials(desk: Desk) -> None:
    done = desk.hubctl("materials", "push")
    assert (done.exit_code, "hubctl materials push FOLDER" in done.output) == (Exit.USAGE, True)
    done = desk.hubctl("materials", "push", "--to", "course")
    assert (done.exit_code, "bad-option" in done.output) == (Exit.USAGE, True)


def test_a_hub_without_users_gets_nothing_and_says_so(
    tmp_path: Path, course: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Desk(tmp_path, machine, monkeypatch).hubctl("materials", "push", str(course))
    assert (done.exit_code, "no users yet" in done.output) == (0, True)
