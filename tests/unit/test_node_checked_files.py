"""A group of files counts only when its check accepts it; otherwise everything is as it was."""

import pytest

from provision.node.resources import Absent, CheckedFiles, File, Symlink, Unit

UNIT = "[Unit]\n[Service]\nExecReload=x\n[Install]\nWantedBy=multi-user.target\n"


def group(machine, content, *, name="site"):
    files = (
        File("/etc/site/a", content, mode=0o600),
        File("/etc/site/new", "new\n"),
        Symlink("/etc/site/link", "a"),
        Absent("/etc/site/default"),
    )
    return CheckedFiles(name, files, ("accept-unless-bad", str(machine.path("etc/site/a"))))


@pytest.fixture
def site(machine):
    """A machine with a site that was made by hand, and a server that runs."""
    machine.write("etc/site/a", "old\n").chmod(0o604)
    machine.write("etc/site/default", "default\n")
    machine.path("etc/site/link").symlink_to("elsewhere")
    machine.write("etc/systemd/system/web.service", UNIT)
    machine.converge([Unit("web.service")])
    return machine


def look(machine):
    return {
        path: (*entry, mtime(machine, path)) for path, entry in machine.tree().items() if "etc/site" in path
    }


def mtime(machine, path):
    return 0 if machine.path(path).is_symlink() else machine.path(path).stat().st_mtime_ns


def plan(machine, content):
    return [group(machine, content), Unit("web.service", reload_on=("checked-files:site",))]


def test_an_accepted_group_is_in_place_and_reloads_once(site):
    run = site.converge(plan(site, "good\n"))
    assert run.actions == [("web.service", "reload")]
    assert site.read("etc/site/a") == "good\n"
    assert not site.path("etc/site/default").exists()
    assert not site.path("var/lib/hubctl/originals/site").exists()
    assert site.converge(plan(site, "good\n")).changed == []


def test_a_refused_group_is_exactly_as_it_was_and_nothing_reloads(site):
    before = look(site)
    run = site.converge(plan(site, "BAD\n"))
    assert look(site) == before
    assert (run.status, run.error["code"]) == (1, "check-failed")
    assert "line 1: BAD is not known" in run.error["why"]
    assert run.actions == []
    assert run.end["pending"] == []
    assert site.converge([Unit("web.service")]).actions == []


def test_a_group_that_cannot_be_written_is_as_it_was(site):
    before = look(site)
    files = (File("/etc/site/a", "good\n"), File("/etc/site/b", "x", owner="nobody-here"))
    run = site.converge([CheckedFiles("site", files, ("succeed",))])
    assert run.error["code"] == "unknown-account"
    assert look(site) == before


@pytest.mark.parametrize("stage", ["saved", "written", "checked"])
def test_a_kill_inside_a_group_is_healed_by_the_next_run(site, stage):
    assert site.converge(plan(site, "good\n"), fault=f"checked-files:site:{stage}").killed
    run = site.converge(plan(site, "good\n"))
    assert run.end["result"] == "done"
    assert run.actions == [("web.service", "reload")]
    assert site.read("etc/site/a") == "good\n"
    assert site.converge(plan(site, "good\n")).changed == []


@pytest.mark.parametrize("stage", ["saved", "written", "checked"])
def test_a_bad_group_left_by_a_kill_never_counts(site, stage):
    before = look(site)
    assert site.converge(plan(site, "BAD\n"), fault=f"checked-files:site:{stage}").killed
    assert site.converge(plan(site, "BAD\n")).error["code"] == "check-failed"
    assert look(site) == before


def test_a_group_left_by_a_kill_is_put_back_even_if_it_is_no_longer_wanted(site):
    before = look(site)
    assert site.converge(plan(site, "BAD\n"), fault="checked-files:site:written").killed
    assert site.converge([Unit("web.service")]).end["result"] == "done"
    assert look(site) == before


def test_a_dry_run_after_a_kill_says_that_the_group_must_be_checked(site):
    site.converge(plan(site, "good\n"), fault="checked-files:site:checked")
    before = look(site)
    assert site.plan(plan(site, "good\n")).changed == ["checked-files:site", "unit:web.service"]
    assert look(site) == before


def test_a_missing_checker_refuses(site):
    before = look(site)
    run = site.converge([CheckedFiles("site", (File("/etc/site/a", "x"),), ("/usr/sbin/no-such-checker",))])
    assert "no-such-checker: No such file" in run.error["why"]
    assert look(site) == before


def test_members_can_be_waited_for_one_by_one(site):
    on_link = Unit("web.service", reload_on=("symlink:/etc/site/link",))
    site.converge([group(site, "good\n"), on_link])
    assert site.converge([group(site, "other\n"), on_link]).actions == []
