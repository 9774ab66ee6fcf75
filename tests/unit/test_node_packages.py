"""Packages are installed in one transaction that starts no service and repairs what was interrupted."""

import os
import subprocess
import time

import pytest

from provision.node.resources import Packages

STATUS = """\
Package: nginx
Status: install ok installed
Version: 1

Package: dash
Essential: yes
Status: install ok installed

Package: gone
Status: deinstall ok config-files

Package: held
Status: hold ok installed
"""


@pytest.fixture
def debian(machine):
    machine.write("var/lib/dpkg/status", STATUS)
    return machine


def apt(machine):
    return [
        [word for word in call if not word.startswith("--option") and word != "--quiet"]
        for call in machine.calls("apt-get")
    ]


def test_what_is_installed_is_left_alone(debian):
    assert debian.converge([Packages(("nginx", "dash", "held"))]).changed == []
    assert apt(debian) == []


def test_what_is_missing_is_installed_in_one_transaction(debian):
    run = debian.converge([Packages(("nginx", "redis", "ufw", "gone"))])
    assert run.of("resource")[0]["changes"][0]["what"] == "install redis, ufw, gone"
    assert apt(debian) == [
        ["update"],
        ["install", "--yes", "--no-install-recommends", "--", "redis", "ufw", "gone"],
    ]
    options = debian.calls("apt-get")[1]
    assert "--option=DPkg::Lock::Timeout=300" in options
    assert "--option=Dpkg::Options::=--force-confold" in options


@pytest.mark.parametrize("changed", ["sources.list", "sources.list.d/docker.list"])
def test_package_lists_older_than_their_sources_are_fetched_again(debian, changed):
    debian.converge([Packages(("redis",))])
    debian.forget_calls()
    source = debian.write(f"etc/apt/{changed}", "deb http://deb.test stable main\n")
    later = time.time() + 5
    os.utime(source, (later, later))
    debian.converge([Packages(("ufw",))])
    assert [call[0] for call in apt(debian)] == ["update", "install"]


def test_package_lists_are_fetched_again_when_a_source_is_gone(debian):
    source = debian.write("etc/apt/sources.list.d/docker.list", "deb http://deb.test stable main\n")
    debian.converge([Packages(("redis",))])
    debian.forget_calls()
    time.sleep(0.02)  # a file system's time has a grain
    source.unlink()
    debian.converge([Packages(("ufw",))])
    assert [call[0] for call in apt(debian)] == ["update", "install"]


def test_package_lists_of_today_are_not_fetched_again(debian):
    debian.converge([Packages(("redis",))])
    debian.forget_calls()
    debian.converge([Packages(("ufw",))])
    assert [call[0] for call in apt(debian)] == ["install"]


def test_an_installation_that_fails_is_tried_again_with_new_lists(debian):
    debian.converge([Packages(("redis",))])
    debian.forget_calls()
    debian.write("fake/apt-fails", "E: Failed to fetch\n")
    run = debian.converge([Packages(("ufw",))])
    assert [call[0] for call in apt(debian)] == ["install", "update", "install"]
    assert (run.error["code"], run.error["why"]) == ("apt-failed", "E: Failed to fetch")


@pytest.mark.parametrize(
    ("said", "code", "hint"),
    [
        ("dpkg: error: No space left on device", "disk-full", "df -h"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "disk-full", "df -h"),
        ("E: Unable to locate package redsi", "apt-failed", "in this release of the distribution"),
    ],
)
def test_failures_say_what_to_do(debian, said, code, hint):
    debian.write("fake/apt-fails", said)
    error = debian.converge([Packages(("redis",))]).error
    assert error["code"] == code
    assert said in error["why"]
    assert hint in error["hint"]


def test_services_may_not_start_during_the_installation_and_may_afterwards(debian):
    debian.converge([Packages(("redis",))])
    assert not debian.path("usr/sbin/policy-rc.d").exists()
    policy = debian.path("fake/policy")
    # Its maker is gone by now, so that it forbids nothing any more.
    assert subprocess.run(["sh", policy], check=False).returncode == 0


def test_a_policy_forbids_as_long_as_its_maker_lives(tmp_path):
    from provision.node.apt import _policy_script

    policy = tmp_path / "policy-rc.d"
    policy.write_text(_policy_script())
    assert subprocess.run(["sh", policy], check=False).returncode == 101


def test_the_machines_own_policy_is_put_back(debian):
    debian.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n")
    debian.converge([Packages(("redis",))])
    assert debian.read("usr/sbin/policy-rc.d") == "#!/bin/sh\nexit 0\n"
    assert "exit 101" in debian.read("fake/policy")


def test_a_policy_left_by_a_kill_is_not_taken_for_the_machines_own(debian):
    debian.write("usr/sbin/policy-rc.d", "#!/bin/sh\n# Made by hubctl for one installation\n")
    debian.write("usr/sbin/policy-rc.d.hubctl-kept", "#!/bin/sh\nexit 0\n")
    debian.converge([Packages(("redis",))])
    assert debian.read("usr/sbin/policy-rc.d") == "#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize("state", ["half-installed", "unpacked", "half-configured"])
def test_an_interrupted_installation_is_finished_first(debian, state):
    debian.write(
        "var/lib/dpkg/status", f"{STATUS}\nPackage: redis\nStatus: install ok {state}\nVersion: 1\n\n"
    )
    debian.converge([Packages(("redis",))])
    assert debian.calls("dpkg") == [["--force-confdef", "--force-confold", "--configure", "--pending"]]
    assert apt(debian)[0] == ["install", "--yes", "--fix-broken"]
