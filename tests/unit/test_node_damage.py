"""What lies on a node may be damaged: what is built is looked at, and built again when it is not as it was."""

import json
import os
import shutil

import pytest

from provision.node.intact import MANIFEST
from provision.node.resources import Environment, PythonEnv
from tests.unit.test_node_release import LOCK, NAME, deploy, on_disk, only, plan, serving

ROOT = "opt/hub/app"
CURRENT = f"{ROOT}/releases/a1"
FLASK = "lib/flask/app.py"


@pytest.fixture
def first(machine):
    assert deploy(machine, "a1").end["result"] == "done"
    machine.forget_calls()
    return machine


def environment(machine):
    (folder,) = machine.path(f"{ROOT}/envs").iterdir()
    return folder


def empty(path):
    """Empty a file as `: >` does."""
    os.truncate(path, 0)


def in_place(path):
    """Change a file so that its size and times stay."""
    before = path.stat()
    path.write_text("X" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def down(machine):
    """Have the units fall."""
    units = json.loads(machine.read("fake/units.json"))
    machine.write(
        "fake/units.json", json.dumps({name: {**unit, "active": "failed"} for name, unit in units.items()})
    )


def assert_mended(machine, said):
    planned = machine.plan(plan("a1"))
    assert planned.changed == ["release:app"]
    assert said in planned.of("resource")[-1]["changes"][0]["what"]
    run = deploy(machine, "a1")
    assert run.changed == ["release:app"]
    assert {("web@a1.service", "stop"), ("web@a1.service", "start")} <= set(run.actions)
    assert serving(machine) == only("a1")
    assert machine.read(f"{CURRENT}/hub_runtime/app/main.py") == "print('hi')\n"
    assert "SECRET" in machine.read(f"{CURRENT}/settings.json")
    assert (environment(machine) / FLASK).read_text() == "import this\n"
    assert on_disk(machine) == ["a1"]
    assert machine.plan(plan("a1")).changed == []
    assert deploy(machine, "b2").status == 0
    assert serving(machine) == only("b2")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda m: shutil.rmtree(m.path(f"{ROOT}/envs")), "its environment: "),
        (lambda m: empty(m.path(f"{CURRENT}/hub_runtime/app/main.py")), "hub_runtime/app/main.py is damaged"),
        (lambda m: m.path(f"{CURRENT}/settings.json").unlink(), "settings.json is damaged"),
        (lambda m: empty(m.path(f"{CURRENT}/release.json")), "release.json is damaged"),
        (lambda m: m.path(f"{CURRENT}/venv").unlink(), "venv is damaged"),
        (lambda m: empty(m.path(f"{CURRENT}/units/web@a1.service")), "units/web@a1.service is damaged"),
        (lambda m: shutil.rmtree(m.path(f"{CURRENT}/hub_runtime")), "and "),
        (lambda m: m.path(f"{CURRENT}/settings.json").chmod(0o644), "settings.json is damaged"),
        (lambda m: empty(m.path(f"{CURRENT}/{MANIFEST}")), f"{MANIFEST} is damaged"),
        (lambda m: empty(environment(m) / FLASK), f"its environment: {FLASK} is damaged"),
        (lambda m: (environment(m) / FLASK).unlink(), f"its environment: {FLASK} is damaged"),
        (lambda m: (environment(m) / MANIFEST).write_text("{}"), f"its environment: {MANIFEST} is damaged"),
    ],
)
def test_what_is_damaged_is_planned_built_again_and_switched_to(first, damage, said):
    damage(first)
    assert_mended(first, said)


def test_what_is_only_touched_or_added_is_no_damage(first):
    os.utime(first.path(f"{CURRENT}/settings.json"), (1, 1))
    os.utime(environment(first) / FLASK, (1, 1))
    (environment(first) / "lib/flask/more.py").write_text("")
    assert deploy(first, "a1").changed == []


@pytest.mark.parametrize("place", ["release", "environment"])
def test_damage_that_sizes_and_times_do_not_show_is_found_when_units_are_down(first, place):
    path = first.path(f"{CURRENT}/hub_runtime/app/main.py")
    in_place(path if place == "release" else environment(first) / FLASK)
    assert first.plan(plan("a1")).changed == []
    down(first)
    planned = first.plan(plan("a1"))
    assert "is damaged" in planned.of("resource")[-1]["changes"][0]["what"]
    deploy(first, "a1")
    assert serving(first) == only("a1")
    assert path.read_text() == "print('hi')\n"
    assert (environment(first) / FLASK).read_text() == "import this\n"


def test_a_new_release_that_falls_in_a_damaged_environment_is_built_again_at_once(first):
    """Other releases share the environment, and what runs may have been started before the damage."""
    in_place(environment(first) / FLASK)
    first.write("fake/needs", f"{environment(first) / FLASK} import")
    assert deploy(first, "b2").status == 0
    assert serving(first) == only("b2")


def test_a_release_that_is_sick_for_another_reason_is_not_built_twice(first):
    first.write("fake/sick", "b2")
    assert deploy(first, "b2", probe_timeout=1).error["code"] == "release-unhealthy"
    assert first.calls("uv") == []
    assert serving(first) == only("a1")


def test_an_environment_that_cannot_be_made_again_stays_as_it_was(first):
    """Something may run from it still."""
    empty(environment(first) / FLASK)
    first.write("fake/install-fails", "")
    assert deploy(first, "a1").error["code"] == "install-failed"
    assert (environment(first) / FLASK).exists()
    assert serving(first) == only("a1")
    first.path("fake/install-fails").unlink()
    deploy(first, "a1")
    assert (environment(first) / FLASK).read_text() == "import this\n"


def test_what_the_installer_keeps_is_not_trusted_after_damage(first):
    """It links its own files into environments: what is written into one is written into the other."""
    kept = first.write("var/cache/hubctl/uv/flask/app.py", "")
    empty(environment(first) / FLASK)
    deploy(first, "a1")
    assert not kept.exists()


@pytest.mark.parametrize(
    "stage", ["extracted", "env-created", "built", "started", "healthy", "switched", "drained", "after"]
)
def test_a_kill_while_damage_is_mended_is_carried_on(first, stage):
    empty(first.path(f"{CURRENT}/release.json"))
    empty(environment(first) / FLASK)
    assert deploy(first, "a1", fault=f"release:app:{stage}").killed
    deploy(first, "a1")
    assert serving(first) == only("a1")
    assert on_disk(first) == ["a1"]
    assert (environment(first) / FLASK).read_text() == "import this\n"
    assert first.plan(plan("a1")).changed == []


def test_a_release_of_a_version_without_manifests_is_left_as_it_is(first):
    (first.path(CURRENT) / MANIFEST).unlink()
    (environment(first) / MANIFEST).unlink()
    assert deploy(first, "a1").changed == []
    down(first)
    assert deploy(first, "a1").changed == ["release:app"]
    assert first.calls("uv") == []
    assert deploy(first, "a1").changed == []


def test_an_environment_of_such_a_version_gets_its_manifest_from_the_next_release_that_proves_healthy(first):
    (environment(first) / MANIFEST).unlink()
    deploy(first, "b2")
    empty(environment(first) / FLASK)
    assert first.plan(plan("b2")).changed == ["release:app"]


@pytest.mark.parametrize("text", ["", "x"])
def test_a_damaged_bundle_is_asked_for_again(first, text):
    first.write(f"var/lib/hubctl/blobs/{NAME}", text)
    assert deploy(first, "b2").of("need") == [{"event": "need", "blobs": [NAME]}]
    assert serving(first) == only("b2")


def test_a_damaged_release_is_not_gone_back_to(first):
    deploy(first, "b2")
    empty(first.path(f"{CURRENT}/hub_runtime/app/main.py"))
    error = first.ask("rollback").error
    assert error["code"] == "release-damaged"
    assert "hub_runtime/app/main.py is damaged" in error["why"]
    assert serving(first) == only("b2")


@pytest.mark.parametrize(
    "resource", [Environment("app", LOCK, "/opt/uv"), PythonEnv("/opt/env", LOCK)], ids=lambda each: each.kind
)
def test_every_environment_is_looked_at(machine, resource):
    machine.converge([resource])
    (path,) = machine.path("opt").rglob("flask/app.py")
    empty(path)
    assert machine.plan([resource]).changed == [resource.id]
    assert machine.converge([resource]).status == 0
    assert path.read_text() == "import this\n"
    assert machine.converge([resource]).changed == []


def unit_files(machine, release):
    return list(machine.path("etc/systemd/system").rglob(f"*@{release}.*"))


def test_the_units_of_a_release_whose_folder_is_gone_end_with_the_next(first):
    shutil.rmtree(first.path(CURRENT))
    planned = [change["what"] for change in first.plan(plan("b2")).of("resource")[-1]["changes"]]
    assert {"stop web@a1.service", "disable worker@a1.service"} <= set(planned)
    run = deploy(first, "b2")
    assert ("web@a1.service", "stop") in run.actions
    assert serving(first) == only("b2")
    assert unit_files(first, "a1") == []
    assert first.plan(plan("b2")).changed == []


def test_units_that_an_earlier_run_left_of_a_release_that_is_gone_end(first):
    deploy(first, "b2")
    shutil.rmtree(first.path(CURRENT))
    units = json.loads(first.read("fake/units.json"))
    units["worker@a1.service"]["active"] = "active"
    first.write("fake/units.json", json.dumps(units))
    assert deploy(first, "b2").changed == ["release:app"]
    assert serving(first) == only("b2")
    assert unit_files(first, "a1") == []


def test_a_sick_release_leaves_one_whose_folder_is_gone_serving(first):
    shutil.rmtree(first.path(CURRENT))
    first.write("fake/sick", "b2")
    assert deploy(first, "b2", probe_timeout=1).error["code"] == "release-unhealthy"
    assert serving(first) == only("a1")


def test_a_release_whose_folder_is_gone_while_its_unit_falls_again_and_again_needs_one_deploy(first):
    shutil.rmtree(first.path(CURRENT))
    units = json.loads(first.read("fake/units.json"))
    units = {name: {**unit, "active": "looping"} for name, unit in units.items()}
    first.write("fake/units.json", json.dumps(units))
    assert deploy(first, "a1").status == 0
    assert serving(first) == only("a1")


def test_a_change_over_that_the_disk_refuses_falls_back(first):
    """The link to what serves cannot be replaced."""
    in_the_way = first.path(f"{ROOT}/.current.hubctl-new")
    in_the_way.mkdir()
    error = deploy(first, "b2").error
    assert error["code"] == "in-the-way"
    assert f"{ROOT}/current" in error["message"]
    assert serving(first) == only("a1")
    in_the_way.rmdir()
    deploy(first, "b2")
    assert serving(first) == only("b2")


def test_a_change_over_whose_end_cannot_be_noted_leaves_nothing_running_twice(first):
    order = first.path("var/lib/hubctl/releases/app.json")
    order.unlink()
    order.mkdir()
    assert deploy(first, "b2").error["code"] == "order-damaged"
    assert serving(first) == only("b2")
    order.rmdir()
    assert deploy(first, "b2").changed == ["release:app"]
    assert first.ask("releases").of("data")[0]["data"]["releases"][-1]["healthy"] is True


def test_a_change_over_of_a_service_that_is_wanted_no_more_is_forgotten(machine):
    switch = {"release": "x1", "former": ""}
    machine.write("var/lib/hubctl/journal.json", json.dumps({"switches": {"nobody": switch}}))
    machine.converge([])
    assert not machine.path("var/lib/hubctl/journal.json").exists()
