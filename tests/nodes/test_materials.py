"""Materials come into all homes of a hub while the class works, and nothing that a learner changed is overwritten."""

import shutil

import pytest

from provision.errors import Exit
from tests.support.hub import NODE, User, add_user

pytestmark = pytest.mark.nodes

PASSWORD = "quite-a-long-one"
COURSE = (
    "jupyterhub: {hostname: hub, materials: [{repo: /srv/course, to: python}, {folder: own, to: lessons}]}"
)
NOTEBOOK = """\
{{"cells": [{{"cell_type": "code", "source": "{}", "metadata": {{}}, "outputs": [], "execution_count": null}}],
 "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4}}
"""
REPOSITORY = """\
git config --system --replace-all safe.directory '*'
git init --quiet --initial-branch=main /srv/course
cd /srv/course
git config user.email tests@example.org && git config user.name tests
"""
COMMIT = "git add --all && git commit --quiet --message 'a lesson'"


@pytest.fixture(scope="module")
def hub(make_fleet, hub_image):
    """A fleet whose node has the hub, with two learners."""
    fleet = make_fleet({NODE: COURSE}, image=hub_image)
    (fleet.folder / "own").mkdir()
    (fleet.folder / "own/first.txt").write_text("one\n")
    fleet.done("create-node", NODE)
    for name in ("anna", "ben"):
        add_user(fleet, NODE, name, PASSWORD)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


@pytest.fixture
def course(hub):
    """A folder of the operator's with two notebooks; nobody has anything of it."""
    hub.shell(NODE, "rm -rf ~anna/course ~ben/course /var/lib/hub/jupyterhub/pushed")
    folder = hub.folder / "course"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.ipynb").write_text(NOTEBOOK.format(1))
    return folder


def push(hub, *words, status=0, **environment):
    """Push; return the event of each home by name."""
    done = hub.hubctl("materials", "push", *map(str, words), "--json", **environment)
    assert done.status == status, done.text
    return {event["name"]: event for event in done.events if event["event"] == "materials"}


def counts(event):
    return {key: event[key] for key in ("new", "updated", "kept", "conflict") if event[key]}


def as_(hub, name, script):
    return hub.ssh(NODE, "runuser", "-u", name, "--", "sh", "-c", f"cd ~{name}; {script}")


def test_a_notebook_is_in_the_lab_of_everybody_and_its_link_opens_it(hub, course):
    done = hub.done("materials", "push", str(course / "first.ipynb"), "--to", "course", "--json")
    (url,) = [event["url"] for event in done.events if event["event"] == "link"]
    anna = User(hub.site(NODE, "hub"), "anna", PASSWORD)
    anna.log_in()
    anna.start()
    assert anna.cells("course/first.ipynb") == ["1"]
    assert anna.ask("GET", url.removeprefix(f"https://{anna.site.host}")).url.endswith(
        "/user/anna/lab/tree/course/first.ipynb"
    )
    anna.save("course/first.ipynb", "5*4")
    assert as_(hub, "anna", "cat lessons/first.txt") == "one\n"  # by the start of her server
    anna.stop()


def test_an_edited_copy_stays_and_an_untouched_one_is_updated(hub, course):
    assert counts(push(hub, course)["anna"]) == {"new": 2}
    as_(hub, "anna", "echo mine > course/first.ipynb")
    for name in ("first", "second"):
        (course / f"{name}.ipynb").write_text(NOTEBOOK.format(2))
    assert set(push(hub, course, "--user", "anna")) == {"anna"}
    assert as_(hub, "ben", "cat course/first.ipynb") == NOTEBOOK.format(1)
    as_(hub, "anna", "rm course/first.new.ipynb")
    (course / "first.ipynb").write_text(NOTEBOOK.format(3))
    told = push(hub, course)
    assert counts(told["anna"]) == {"conflict": 1}
    assert told["anna"]["beside"] == ["course/first.new.ipynb"]
    assert counts(told["ben"]) == {"updated": 2}
    (course / "first.ipynb").write_text(NOTEBOOK.format(2))
    push(hub, course)
    assert as_(hub, "anna", "cat course/first.ipynb") == "mine\n"
    assert as_(hub, "anna", "cat course/first.new.ipynb course/second.ipynb") == NOTEBOOK.format(2) * 2
    assert as_(hub, "anna", "stat -c %U course course/*").split() == ["anna"] * 4
    assert counts(push(hub, course)["anna"]) == {"kept": 1}


def test_links_in_a_home_lead_root_nowhere(hub, course):
    before = hub.shell(NODE, "sha256sum /etc/shadow; ls -lR /etc/cron.d")
    as_(
        hub,
        "anna",
        "mkdir course; ln -s /etc/shadow course/first.ipynb; ln -s /etc/shadow course/.second.ipynb.hubctl-new",
    )
    as_(hub, "ben", "ln -s /etc/cron.d course")
    told = push(hub, course, status=Exit.FAILED)
    assert counts(told["anna"]) == {"new": 1, "conflict": 1}
    assert "course is no folder there" in told["ben"]["problem"]
    assert hub.shell(NODE, "sha256sum /etc/shadow; ls -lR /etc/cron.d") == before
    as_(hub, "ben", "rm course")


def test_a_full_home_is_named_and_the_others_have_theirs(hub, course):
    (course / "data.bin").write_bytes(b"x" * 3_000_000)
    hub.shell(NODE, "mount -t tmpfs -o size=1m,mode=700,uid=$(id -u anna),gid=$(id -g anna) none ~anna")
    try:
        told = push(hub, course, status=Exit.FAILED)
        assert told["anna"]["problem"] == "course/data.bin: No space left on device"
        assert as_(hub, "anna", "ls -A course") == ""
        assert counts(told["ben"]) == {"new": 3}
    finally:
        hub.ssh(NODE, "umount", "/home/anna")
    assert counts(push(hub, course)["anna"]) == {"new": 3}


def test_a_push_that_is_killed_is_finished_by_the_same_command(hub, course):
    push(hub, course)
    as_(hub, "anna", "echo mine > course/first.ipynb")
    (course / "first.ipynb").write_text(NOTEBOOK.format(2))
    hub.hubctl("materials", "push", str(course), HUBCTL_FAULT="account:anna:put")
    assert as_(hub, "ben", "cat course/first.ipynb") == NOTEBOOK.format(1)
    assert counts(push(hub, course)["ben"]) == {"updated": 1}
    assert as_(hub, "anna", "ls course").split() == ["first.ipynb", "first.new.ipynb", "second.ipynb"]
    assert counts(push(hub, course)["anna"]) == {"kept": 1}


def test_without_a_path_the_materials_of_the_inventory_are_brought_up_to_date_in_all_homes(hub):
    hub.shell(NODE, f"{REPOSITORY} echo one > first.txt; echo one > second.txt; {COMMIT}")
    push(hub)
    as_(hub, "anna", "echo mine > python/first.txt; rm python/second.txt")
    hub.shell(NODE, f"cd /srv/course; echo two > first.txt; echo two > third.txt; {COMMIT}")
    assert [event["problem"] for event in push(hub).values()] == ["", ""]
    assert as_(hub, "anna", "cd python; cat first.txt second.txt third.txt").split() == ["mine", "one", "two"]
    assert as_(hub, "ben", "cd python; cat first.txt third.txt").split() == ["two", "two"]
    as_(hub, "anna", "echo mine > lessons/first.txt")
    for name in ("first", "second"):
        (hub.folder / f"own/{name}.txt").write_text("two\n")
    hub.done("deploy")
    assert as_(hub, "ben", "cat lessons/first.txt") == "one\n"
    push(hub)
    assert as_(hub, "anna", "cd lessons; cat first.txt first.new.txt second.txt").split() == [
        "mine",
        "two",
        "two",
    ]
    assert (
        as_(hub, "ben", "cd lessons; cat first.txt second.txt; stat -c %U *").split()
        == ["two"] * 2 + ["ben"] * 2
    )
    hub.shell(NODE, "mv /srv/course /srv/away")
    told = push(hub, status=Exit.FAILED)
    for event in told.values():
        assert "/srv/course" in event["problem"]
    hub.shell(NODE, "mv /srv/away /srv/course")
