"""A plan says what a deploy would do, by the same program, and changes nothing."""

import re

import pytest

from provision.errors import Exit
from provision.node.resources import Command, Directory, File, Unit
from tests.support import small
from tests.support.tasks import TASK_API

pytestmark = pytest.mark.nodes

# Every file but those of logs, clocks and the engine itself, with mode, owner, time of writing and size.
FINGERPRINT = (
    "find /etc /opt /usr/local /var/lib/hubctl /var/lib/dpkg /var/lib/redis -xdev -not -path /var/lib/hubctl "
    "-not -path '*/hubctl/engine*' -not -name '*.aof' -not -name '*.rdb' -not -name 'lock*' "
    "-printf '%p %m %u %T@ %s\\n' 2>/dev/null | sort"
)


def fingerprint(fleet, node):
    return fleet.ssh(node, "sh", "-c", FINGERPRINT).splitlines()


def test_deploys_close_together_restart_what_they_change_oftener_than_systemd_lets_units_start(
    bare, tmp_path
):
    for number in range(8):
        other = bare.planned(tmp_path / str(number), small.plan(f"close{number}"))
        assert f"restart {small.RESTARTING}" in other.done("deploy").text
    assert set(bare.ssh(small.NODE, "cat", small.SEEN).split()) == {"close7"}
    bare.done("deploy")


def test_nothing_to_change_is_exit_0(bare):
    done = bare.hubctl("plan")
    assert done.status == Exit.DONE
    assert re.search(r"box: \d+ ok, 0 to change", done.stdout)


@pytest.fixture
def touched(bare):
    """The node, changed by hand in two places."""
    bare.shell("box", f"echo by hand > {small.FOLDER}/g1; chmod 600 {small.FOLDER}/a")
    yield bare
    bare.done("deploy")


def test_pending_changes_are_exit_2_with_diffs_and_what_reloads_and_why(touched):
    before = fingerprint(touched, "box")
    done = touched.hubctl("plan", "box")
    assert done.status == Exit.CHANGES
    shown = done.stdout
    assert f"--- {small.FOLDER}/g1\n+++ {small.FOLDER}/g1\n@@" in shown
    assert "-by hand\n+text0" in shown
    assert "mode 0600 → 0644" in shown
    assert f"unit:{small.RELOADING}\n  reload: checked-files:small changed" in shown
    assert f"unit:{small.RESTARTING}\n  restart: file:{small.FOLDER}/a changed" in shown
    assert re.search(r"box: \d+ ok, 5 to change", shown)
    assert fingerprint(touched, "box") == before


def test_a_dry_run_is_a_plan(touched):
    plan, dry_run = touched.hubctl("plan"), touched.hubctl("deploy", "--dry-run")
    assert dry_run.status == Exit.CHANGES
    assert without_seconds(dry_run.stdout) == without_seconds(plan.stdout)


def without_seconds(text):
    return re.sub(r"\([0-9.]+ s\)", "", text)


def test_a_deploy_does_what_the_plan_said(touched):
    planned = [event["detail"]["id"] for event in resources(touched.hubctl("plan", "--json"), "would-change")]
    applied = [event["detail"]["id"] for event in resources(touched.done("deploy", "--json"), "changed")]
    assert planned == applied
    assert touched.hubctl("plan").status == Exit.DONE


def resources(done, status):
    details = [event for event in done.events if event["event"] == "engine"]
    return [event for event in details if event["detail"].get("status") == status]


def test_secrets_are_shown_by_digest_alone(bare, tmp_path):
    secret = [File("/etc/hubctl-test-secret", "HUNTER2\n", mode=0o600, secret=True)]
    first, second = bare.patched(tmp_path / "a", resources=secret), bare.patched(tmp_path / "b")
    done = first.hubctl("plan")
    assert done.status == Exit.CHANGES
    assert re.search(r"none → sha256 [0-9a-f]{8}", done.stdout)
    texts = [done.text, first.hubctl("plan", "--json").text, first.done("deploy", "--json").text]
    other = [File("/etc/hubctl-test-secret", "HUNTER3\n", mode=0o600, secret=True)]
    second = bare.patched(tmp_path / "b", resources=other)
    done = second.hubctl("plan")
    assert re.search(r"sha256 [0-9a-f]{8} → sha256 [0-9a-f]{8}", done.stdout)
    assert "HUNTER" not in "".join([*texts, done.text])
    assert "HUNTER" not in bare.ssh("box", "grep", "-r", "HUNTER", "/var/lib/hubctl", check=False)
    bare.ssh("box", "rm", "/etc/hubctl-test-secret")


def test_other_settings_are_a_new_release_and_the_plan_names_them_with_their_values(deployed):
    deployed.write({"apis": TASK_API.replace("timeout: 90", "timeout: 4321")})
    try:
        done = deployed.hubctl("plan")
    finally:
        deployed.write({"apis": TASK_API})
    assert done.status == Exit.CHANGES
    assert re.search(r"release:task_api\n  build [0-9a-f]{16}: timeout 90 → 4321\n", done.stdout)
    assert re.search(r"switch [0-9a-f]{16} → [0-9a-f]{16}", done.stdout)
    assert "redis_url" not in done.text


def test_what_cannot_be_compared_is_exit_1(bare, tmp_path):
    done = bare.patched(tmp_path, resources=[Directory("/bin")]).hubctl("plan")
    assert done.status == Exit.FAILED
    assert "/bin is a link" in done.stderr
    assert "hint:" in done.stderr


def test_commands_and_units_that_are_not_there_yet_can_be_planned(bare, tmp_path):
    unit = File("/etc/systemd/system/hubctl-test.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    later = [unit, Unit("hubctl-test.service", enabled=False), Command("never", ("false",), creates="/nope")]
    done = bare.patched(tmp_path, resources=later).hubctl("plan")
    assert done.status == Exit.CHANGES
    assert "unit:hubctl-test.service\n  start" in done.stdout
    assert "command:never\n  run: /nope is missing" in done.stdout
    assert "hubctl-test" not in bare.ssh("box", "ls", "/etc/systemd/system")


def test_a_node_that_was_never_deployed_can_be_planned(make_fleet):
    fresh = make_fleet({"one": TASK_API.replace("tasks", "tasks-one")})
    fresh.done("create-node", "one", "--no-deploy")
    before = fingerprint(fresh, "one")
    done = fresh.hubctl("plan", "one")
    assert done.status == Exit.CHANGES, done.stderr
    assert re.search(r"packages:apt\n  install .*\bredis-server\b", done.stdout)
    for line in (
        "certificate:tasks-one.",
        "release:task_api",
        "unit:nginx.service",
        "firewall:ufw",
        "user:task_api",
    ):
        assert line in done.stdout
    assert "+++ /etc/nginx/nginx.conf" in done.stdout
    assert fingerprint(fresh, "one") == before
    assert fresh.done("history", "one").stdout.splitlines()[1:] == ["when  who  command  result  changed"]
