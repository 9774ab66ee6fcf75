"""Releases that another version of hubctl built: they serve, are replaced, restarted and rolled back to."""

import json

import pytest

from provision.node.errors import NodeError
from provision.node.intact import MANIFEST
from provision.node.releases.served import Served, read
from provision.node.resources import File

from .test_node_release import BLOBS, NAME, WEB, deploy, on_disk, only, plan, serving

# Written by the first version that had releases.
FIRST_VERSION = {
    "service": "app",
    "release": "a1",
    "bundle": NAME,
    "uv": "/opt/hub/uv/bin/uv",
    "web": "web",
    "workers": ["worker"],
    "probe_socket": "/run/{release}.sock",
    "probe_path": "/health",
    "probe_timeout": 5,
    "drain_timeout": 60,
    "keep": 3,
    "built": "2026-11-01T10:00:00Z",
}
LATER_VERSION = {
    **FIRST_VERSION,
    "probe_headers": {"Host": "app.test"},
    "workers_timeout": 30,
    "requires": [["x", 1]],
}
BARE = {name: FIRST_VERSION[name] for name in ("web", "workers", "probe_socket")}


def describe(machine, release, description):
    """Have a release be as another version built it: without a manifest."""
    path = machine.path(f"opt/hub/app/releases/{release}/release.json")
    path.write_text(description if isinstance(description, str) else json.dumps(description))
    (path.parent / MANIFEST).unlink()


@pytest.fixture
def first(machine):
    assert deploy(machine, "a1").end["result"] == "done"
    return machine


def test_a_description_is_read_as_it_was_written():
    served = read(FIRST_VERSION, "app", "a1")
    assert served == Served(
        "app",
        "a1",
        NAME,
        "web",
        ("worker",),
        probe_socket="/run/{release}.sock",
        probe_timeout=5,
        built="2026-11-01T10:00:00Z",
    )
    assert served.units == ("web@a1.service", "worker@a1.service")
    assert served.probe_address == "/run/a1.sock"
    assert read(json.loads(json.dumps(served.description())), "app", "a1") == served


@pytest.mark.parametrize(
    "description", [FIRST_VERSION, LATER_VERSION, BARE], ids=["first", "later", "without most"]
)
def test_a_release_of_another_version_goes_through_all_that_a_release_can(first, description):
    describe(first, "a1", description)
    assert first.plan(plan("a1")).changed == []
    assert deploy(first, "b2").end["result"] == "done"
    assert serving(first) == only("b2")
    assert first.ask("rollback").end["result"] == "done"
    assert serving(first) == only("a1")
    assert first.ask("restart", names=["web", "worker"]).end["changed"] == 2
    names = [each["name"] for each in first.ask("status").of("data")[0]["data"]["processes"]]
    assert names == ["web", "worker"]
    assert first.ask("releases").of("data")


def test_a_release_says_by_itself_which_units_it_has(first):
    """A service changes its web process's name and drops its worker: the former release's own units end."""
    later = [
        *plan("b2", web="http", workers=()),
        File("/etc/systemd/system/http@.service", WEB),
    ]
    later.insert(1, later.pop())
    assert first.converge(later, blobs=BLOBS).end["result"] == "done"
    assert serving(first) == ("b2", ["http@b2.service"], ["http@b2.service"])
    assert first.plan(later).changed == []
    assert first.ask("rollback").end["result"] == "done"
    assert serving(first) == only("a1")


def test_a_sick_release_with_other_units_leaves_the_former_with_its_own(first):
    first.write("fake/sick", "b2")
    later = [File("/etc/systemd/system/http@.service", WEB), *plan("b2", web="http", probe_timeout=1)]
    assert first.converge(later, blobs=BLOBS).error["code"] == "release-unhealthy"
    assert serving(first) == only("a1")


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("[]", "no object"),
        ('{"web": "we', "no object"),
        ({**FIRST_VERSION, "workers": "worker"}, "workers is 'worker'"),
        ({**FIRST_VERSION, "workers": [1]}, "workers is [1]"),
        ({**FIRST_VERSION, "keep": "3"}, "keep is '3'"),
        ({**FIRST_VERSION, "probe_timeout": True}, "probe_timeout is True"),
        ({**FIRST_VERSION, "web": None}, "web is None"),
    ],
)
def test_a_release_with_a_damaged_description_is_not_gone_back_to(first, description, said):
    deploy(first, "b2")
    describe(first, "a1", description)
    run = first.ask("rollback", to="a1", service="app")
    assert (run.status, run.error["code"], run.actions) == (1, "release-damaged", [])
    assert "release a1 of app" in run.error["message"]
    assert "release.json is damaged" in run.error["why"]
    with pytest.raises(NodeError, match="a1") as caught:
        read(json.loads(description) if description == "[]" else description, "app", "a1")
    assert said in caught.value.why


def test_a_release_that_serves_with_a_damaged_description_gives_way_to_the_next(first):
    """Its units say which they are."""
    describe(first, "a1", "[]")
    assert deploy(first, "b2").status == 0
    assert serving(first) == only("b2")
    assert on_disk(first) == ["b2"]


def test_whose_description_it_is_says_the_place_where_it_lies():
    assert read({"service": "other", "release": "zz"}, "app", "a1") == Served("app", "a1")


def test_what_is_no_description_is_an_error_for_the_operator():
    with pytest.raises(NodeError) as caught:
        read(None, "app", "a1")
    assert "release.json" in caught.value.hint


class TestOwnAddress:
    """A web process that cannot take systemd's socket: the web server is led to another address by a link."""

    def deploy(self, machine, name, **fields):
        return deploy(machine, name, shares_socket=False, **fields)

    def door(self, machine):
        return machine.path("opt/hub/app/current/web.sock").resolve().name

    def test_requests_follow_the_link_and_nothing_is_reloaded(self, machine):
        self.deploy(machine, "a1")
        assert self.door(machine) == "a1.sock"
        machine.forget_calls()
        run = self.deploy(machine, "b2")
        assert self.door(machine) == "b2.sock"
        assert serving(machine) == only("b2")
        assert not [call for call in machine.calls("systemctl") if "reload" in call]
        assert ("web@a1.service", "stop") in run.actions
        machine.ask("rollback")
        assert self.door(machine) == "a1.sock"
        assert serving(machine) == only("a1")

    def test_a_sick_release_never_has_the_link(self, machine):
        self.deploy(machine, "a1")
        machine.write("fake/sick", "b2")
        assert self.deploy(machine, "b2", probe_timeout=1).error["code"] == "release-unhealthy"
        assert self.door(machine) == "a1.sock"
        assert serving(machine) == only("a1")

    def test_it_must_have_an_address(self, machine):
        with pytest.raises(ValueError, match="needs one of its own"):
            self.deploy(machine, "a1", probe_socket="")
