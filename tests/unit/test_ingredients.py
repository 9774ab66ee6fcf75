"""What an image is baked of, and when one is of others."""

from dataclasses import replace

import pytest

from provision.actions.ingredients import ingredients_of
from provision.cloud.base import Snapshot
from provision.cloud.snapshots import Title, name_of, named, newest, title_of
from provision.node.resources import Environment, File, Packages, PythonEnv, Release

RELEASE = Release(
    service="task_api",
    release="ab" * 8,
    bundle="cd" * 32,
    requirements="flask==3.1.3\n",
    settings='{"token": "SECRET"}',
    uv="/opt/hub/uv/bin/uv",
)
PLAN = (
    Packages(("nginx", "redis-server")),
    File("/etc/secret", "SECRET"),
    PythonEnv("/opt/hub/uv", "uv==1\n"),
    RELEASE,
)


def test_ingredients_are_packages_and_environments_and_nothing_that_is_a_nodes_own():
    packages, tool, environment = ingredients_of(PLAN).resources
    assert packages == PLAN[0]
    assert tool == PLAN[2]
    assert environment == Environment("task_api", RELEASE.requirements, RELEASE.uv)
    assert "SECRET" not in repr(ingredients_of(PLAN))


def test_ingredients_do_not_change_with_settings_or_code():
    digest = ingredients_of(PLAN).digest("debian-13-x64")
    other = replace(RELEASE, settings="{}", bundle="ef" * 32, release="cd" * 8)
    assert ingredients_of((*PLAN[:3], other)).digest("debian-13-x64") == digest
    assert ingredients_of((Packages(("redis-server", "nginx")), *PLAN[1:])).digest("debian-13-x64") == digest


@pytest.mark.parametrize(
    "changed",
    [
        (Packages(("nginx",)), *PLAN[1:]),
        (*PLAN[:2], PythonEnv("/opt/hub/uv", "uv==2\n"), RELEASE),
        (*PLAN[:3], replace(RELEASE, requirements="flask==4\n")),
        PLAN[:3],
    ],
)
def test_other_packages_or_locks_are_other_ingredients(changed):
    assert ingredients_of(changed).digest("debian-13-x64") != ingredients_of(PLAN).digest("debian-13-x64")


def test_the_base_belongs_to_the_ingredients():
    assert ingredients_of(PLAN).digest("debian-12-x64") != ingredients_of(PLAN).digest("debian-13-x64")


def snapshot(number, title, created="2026-11-20T08:00:00Z"):
    return Snapshot(number, title, created, ("fra1",), 25, 1.0)


def test_the_title_of_a_baked_image_says_what_it_is_made_of():
    title = Title("lab", "debian-13-x64", "0123456789ab")
    assert title_of(snapshot(1, str(title))) == title
    assert name_of(snapshot(1, str(title))) == "lab"


def test_snapshots_made_by_hand_are_called_as_they_are():
    assert title_of(snapshot(1, "before the course")) is None
    assert name_of(snapshot(1, "before the course")) == "before the course"


def test_the_newest_of_a_name_counts():
    older, newer = snapshot(9, "lab@x@1"), snapshot(2, "lab@x@2", "2026-11-21T08:00:00Z")
    assert named([older, newer, snapshot(3, "other@x@1")], "lab") == [newer, older]
    assert newest([older, newer], "lab") == newer
    assert newest([older], "another") is None
