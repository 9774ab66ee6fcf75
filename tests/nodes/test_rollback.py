"""Back to a former release: proven like any other, without a network, and nothing is deleted."""

import re

import pytest

from provision.errors import Exit
from tests.support.load import Load
from tests.support.releases import current, listed, rows
from tests.support.runtimes import BOTH, runtime_with

pytestmark = pytest.mark.nodes

OFFLINE = (
    "ip -4 route show default > /root/4; ip -6 route show default > /root/6; mv /etc/resolv.conf /root/resolv.conf; "
    "ip -4 route del default; ip -6 route del default || true"
)
ONLINE = (
    "ip -4 route add $(cat /root/4); [ ! -s /root/6 ] || ip -6 route add $(cat /root/6); "
    "mv /root/resolv.conf /etc/resolv.conf"
)


@pytest.fixture
def two(deployed, tmp_path):
    """The deployed node with a newer release; its ids, the former first."""
    former = current(deployed)
    runtime = runtime_with(tmp_path / "runtime", BOTH, "# newer\n")
    deployed.done("deploy", HUBCTL_RUNTIME=runtime)
    yield former, current(deployed)
    deployed.done("deploy")
    assert current(deployed) == former


def test_rollback_goes_to_the_release_before_and_deploy_forward_again(deployed, two, tmp_path):
    former, newer = two
    assert deployed.site("apis", "tasks").ask("GET", "/health")[1]["release"] == newer
    assert re.search(rf"apis +task_api +{newer} .*running", deployed.done("releases").stdout)
    done = deployed.done("rollback")
    assert f"switch {newer} → {former}" in done.text
    assert current(deployed) == former
    assert deployed.site("apis", "tasks").ask("GET", "/health")[1]["release"] == former
    assert {former, newer} <= set(listed(deployed))
    deployed.done("deploy", HUBCTL_RUNTIME=str(tmp_path / "runtime"))
    assert current(deployed) == newer


def test_rollback_needs_no_network_and_deletes_nothing(deployed, two):
    folders = ("sh", "-c", "ls /opt/hub/task_api/releases /opt/hub/task_api/envs /var/lib/hubctl/blobs")
    before = deployed.ssh("apis", *folders)
    deployed.ssh("apis", "sh", "-c", OFFLINE)
    try:
        assert "unreachable" in deployed.ssh("apis", "sh", "-c", "ping -c1 -W1 1.1.1.1 2>&1; true")
        with Load(deployed.site("apis", "tasks")) as load:
            deployed.done("rollback", "apis")
            load.wait_for(10)
    finally:
        deployed.ssh("apis", "sh", "-c", ONLINE)
    assert load.failures == []
    assert current(deployed) == two[0]
    assert deployed.ssh("apis", *folders) == before


def test_a_release_can_be_named(deployed, two):
    former, newer = two
    deployed.done("rollback", "apis", "--service", "task_api", "--to", former)
    assert current(deployed) == former
    deployed.done("rollback", "--to", newer)
    assert current(deployed) == newer
    assert "0 changed" in deployed.done("rollback", "--to", newer).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "0" * 16], "0000000000000000"),
        (["--service", "task_api", "--to", "0" * 16], "task_api has no release 0000000000000000"),
        (["--service", "nothing"], "nothing has no releases here"),
    ],
)
def test_what_is_not_there_is_said(deployed, words, said):
    before = current(deployed)
    done = deployed.hubctl("rollback", *words)
    assert done.status == Exit.FAILED
    assert said in done.stderr
    assert "hint:" in done.stderr
    assert current(deployed) == before


@pytest.mark.parametrize(
    ("kept", "code"),
    [("settings.json", "release-damaged"), ("settings.json .hubctl-manifest", "release-unhealthy")],
    ids=["what is damaged is seen", "without a manifest its health is"],
)
def test_a_release_that_has_become_sick_is_refused(deployed, two, kept, code):
    former, newer = two
    folder = f"/opt/hub/task_api/releases/{former}"
    away = f"cd {folder} && mkdir /root/kept && cp -p settings.json /root/kept && mv {kept} /root/kept"
    deployed.shell("apis", f"{away} && install -m 640 -g task_api /dev/null settings.json")
    try:
        with Load(deployed.site("apis", "tasks")) as load:
            done = deployed.hubctl("rollback")
    finally:
        deployed.shell("apis", f"cd /root/kept && mv -f * .hub* {folder}; rmdir /root/kept", check=False)
    assert done.status == Exit.FAILED
    assert f"[{code}]" in done.stderr
    assert "settings.json" in done.stderr
    assert load.failures == []
    assert current(deployed) == newer


def test_rollback_is_in_the_history(deployed, two):
    deployed.done("rollback", "apis", "--service", "task_api")
    table = deployed.done("history", "apis", "--last", "1").stdout
    assert "rollback apis --service task_api" in table
    assert "release:task_api" in table


def test_the_last_three_releases_stay(deployed, two):
    assert 2 <= len(rows(deployed)) <= 3
