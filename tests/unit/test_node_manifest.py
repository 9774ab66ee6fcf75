"""Resources travel as plain data, and whatever is not known is refused."""

import pytest

from provision.node.errors import NodeError
from provision.node.manifest import dump, load, load_all
from provision.node.resources import (
    KINDS,
    Absent,
    Certificate,
    CheckedFiles,
    Command,
    Directory,
    Environment,
    File,
    Firewall,
    Former,
    Group,
    HubUsers,
    Packages,
    PythonEnv,
    Release,
    Retired,
    Rule,
    SpipedEnds,
    Symlink,
    Tree,
    Unit,
    User,
    Withheld,
)

ONE_OF_EACH = (
    Absent("/a"),
    Withheld("/etc/nginx/sites-enabled/a.conf", "a.test", "server {}\n", ("nginx", "-t")),
    Certificate("a.test", ("a.test", "www.a.test"), "ops@a.test", "https://acme.test/dir", "/var/www"),
    CheckedFiles("site", (File("/b", "b", secret=True), Symlink("/c", "b"), Absent("/d")), ("nginx", "-t")),
    Command("x", ("true",), unless=("false",)),
    Directory("/e", 0o700),
    Environment("app", "x==1", "/uv"),
    File("/f", "f\n", 0o600, "root", "root", secret=True),
    Firewall((Rule(22), Rule(5432, source="10.0.0.0/8"))),
    Former("old", "/k", "/m", ("old.service",), ("/l",)),
    Group("g"),
    HubUsers(("ann",), ("bob",)),
    Packages(("nginx",)),
    PythonEnv("/h", "x==1"),
    Release("app", "aa", "b" * 64, "x==1", "{}", "/uv", workers=("app-worker",)),
    Retired("gone"),
    SpipedEnds(("dti-client",), "/etc/spiped"),
    Symlink("/i", "f"),
    Tree("/j", "c" * 64),
    Unit("app.service", restart_on=("file:/f",)),
    User("app", groups=("g",)),
)
RELEASE = next(each for each in ONE_OF_EACH if isinstance(each, Release))


def test_every_kind_comes_back_as_it_was():
    assert {type(resource) for resource in ONE_OF_EACH} == set(KINDS)
    assert load_all(dump(ONE_OF_EACH)) == list(ONE_OF_EACH)


def test_a_plan_that_is_kept_has_no_secret():
    kept = str(dump((File("/f", "hunter2", secret=True), RELEASE, File("/g", "open")), secrets=False))
    assert "hunter2" not in kept
    assert "settings" not in kept
    assert "open" in kept


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "sqlite"}, "unknown kind 'sqlite'"),
        ({"kind": "file", "path": "/a", "content": "", "colour": 1}, "unknown field 'colour'"),
        ({"kind": "file", "path": "/a"}, "lacks 'content'"),
        ({"kind": "file", "path": "/a", "content": 1}, "content is not of type str"),
        ({"kind": "file", "path": "/a", "content": "", "mode": True}, "mode is not of type int"),
        ({"kind": "file", "path": "a", "content": ""}, "'a' is no plain absolute path"),
        ({"kind": "file", "path": "/etc/../a", "content": ""}, "no plain absolute path"),
        ({"kind": "packages", "names": "nginx"}, "names is no list"),
        ({"kind": "packages", "names": [1]}, "names[0] is not of type str"),
        ({"kind": "packages", "names": ["--purge"]}, "'--purge' is no package name"),
        ({"kind": "unit", "name": "nginx"}, "lacks its suffix"),
        ({"kind": "unit", "name": "app@.service"}, "is a template"),
        ({"kind": "unit", "name": "--now.service"}, "no plain name"),
        ({"kind": "command", "name": "x", "argv": ["true"]}, "needs unless, creates or on"),
        ({"kind": "firewall", "rules": [{"port": 70000}]}, "is no port"),
        (
            {"kind": "firewall", "rules": [{"port": 22, "source": "x"}]},
            "does not appear to be an IPv4 or IPv6",
        ),
        ({"kind": "checked-files", "name": "x", "files": [], "check": []}, "need a check"),
        (
            {"kind": "checked-files", "name": "x", "files": [{"kind": "group", "name": "g"}], "check": ["t"]},
            "group",
        ),
        ([], "is no object"),
    ],
)
def test_what_is_wrong_is_named(data, said):
    with pytest.raises(NodeError) as caught:
        load(data, "resources[3]")
    assert caught.value.code == "bad-manifest"
    assert caught.value.message.startswith("resources[3]")
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ((File("/a", "1"), File("/a", "2")), "file:/a is there twice"),
        ((File("/a", "1"), CheckedFiles("x", (File("/a", "2"),), ("t",))), "/a is there twice"),
        (
            (Unit("a.service", restart_on=("file:/typo",)),),
            "waits for file:/typo, which is not in the manifest",
        ),
    ],
)
def test_resources_must_fit_together(resources, said):
    with pytest.raises(NodeError) as caught:
        load_all(dump(resources))
    assert said in caught.value.message


def test_a_unit_may_wait_for_a_member_of_a_group():
    group = CheckedFiles("x", (File("/a", "2"),), ("t",))
    assert load_all(dump((group, Unit("a.service", restart_on=("file:/a",)))))


def test_a_bad_request_is_an_event_and_not_a_traceback(machine):
    run = machine.ask("converge", resources=[{"kind": "sqlite"}])
    assert (run.status, run.error["code"], run.end["result"]) == (1, "bad-manifest", "failed")
    run = machine.ask("format-disk")
    assert "format-disk" in run.error["message"]
