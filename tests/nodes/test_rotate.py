"""Keys change while they are in use, and nobody notices."""

import json
import re
import shutil
import urllib.request

import pytest

from provision.errors import Exit
from provision.keys import public_of
from tests.support.load import Load
from tests.support.machines import reboot
from tests.support.network import knock
from tests.support.secrets import current_key, files_with, generations, logs_in, said_by
from tests.support.tunnels import port_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

ROTATE = ("rotate-key", "tunnel/dti")


def settled(fleet, *former_keys, whole_disk=False):
    """See that one generation is left everywhere, and nothing of the former keys."""
    ((number, (status, key)),) = generations(fleet).items()
    assert status == "current"
    for node, side in (("front", "client"), ("gpu", "server")):
        units = fleet.ssh(node, "systemctl", "list-units", "--plain", "--no-legend", "spiped-*.service")
        assert [line.split()[0] for line in units.splitlines()] == [f"spiped-dti-{side}@{number}.service"]
        enabled = fleet.ssh(node, "sh", "-c", "ls /etc/systemd/system/multi-user.target.wants | grep spiped")
        assert enabled.split() == [f"spiped-dti-{side}@{number}.service"]
        assert fleet.ssh(node, "sh", "-c", "ls /etc/spiped/*.key").split() == [
            f"/etc/spiped/dti-{number}.key"
        ]
        if former_keys:
            assert files_with(fleet, node, "\n".join(former_keys), whole_disk=whole_disk) == set()
            said = said_by(fleet, node)
            assert not any(former in said for former in former_keys)
    ports = set(re.findall(r"^(80\d\d)/tcp", fleet.ssh("gpu", "ufw", "status"), re.MULTILINE))
    assert ports == {str(port_of(number))}
    for former in former_keys:
        assert former != key
        assert knock(fleet, "front", former, fleet.address("gpu"), port_of(number)) == ""


@pytest.mark.soak(short=2, full=5)
def test_rotations_in_a_row_fail_no_request(tunnelled, times, record_property):
    former = []
    (first,) = generations(tunnelled)
    with Load(tunnelled.site("front", "demos"), fresh=4, kept=0) as load:
        for _ in range(times):
            load.wait_for(20)
            former.append(current_key(tunnelled))
            done = tunnelled.done(*ROTATE, "--json")
            assert not any(key in done.text for key in (*former, current_key(tunnelled)))
    assert load.failures == []
    assert load.p99 < Load.late
    assert list(generations(tunnelled)) == [first + times]
    record_property("rotations", times)
    record_property("requests", len(load.seconds))
    record_property("p99 ms", round(load.p99 * 1000))
    settled(tunnelled, *former, whole_disk=times >= 5)


def at_state(*statuses):
    """Find the moment at which the secrets file has these statuses."""
    return lambda event: event["event"] == "rotation" and [*event["generations"].values()] == [*statuses]


def in_converge_after(*statuses):
    """Find the first change on a node after that moment."""
    reached = []

    def marker(event):
        reached.extend([True] if at_state(*statuses)(event) else [])
        return bool(reached) and event["event"] == "engine" and event["detail"].get("status") == "changed"

    return marker


MOMENTS = {
    "next generation written": at_state("current", "next"),
    "next generation on one end": in_converge_after("current", "next"),
    "before the proxy moves": at_state("former", "current"),
    "while the proxy moves": in_converge_after("former", "current"),
    "before the former is stopped": at_state("retired", "current"),
    "while the former is stopped": in_converge_after("retired", "current"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_any_moment_fails_no_request_and_the_next_run_finishes(tunnelled, moment):
    former = current_key(tunnelled)
    with Load(tunnelled.site("front", "demos"), fresh=2, kept=0) as load:
        assert tunnelled.killed_at(MOMENTS[moment], *ROTATE)
        tunnelled.done(*ROTATE)
    assert load.failures == []
    settled(tunnelled, former)


@pytest.mark.parametrize("stage", list(MOMENTS)[::2])
def test_after_a_kill_and_a_reboot_of_either_end_traffic_resumes_by_itself_and_the_next_run_finishes(
    tunnelled, stage
):
    former = current_key(tunnelled)
    site = tunnelled.site("front", "demos")
    assert tunnelled.killed_at(MOMENTS[stage], *ROTATE)
    for node in ("front", "gpu"):
        reboot(tunnelled, node)
        eventually(lambda: site.ask("GET", "/health", seconds=3)[0] == 200, seconds=60)
    tunnelled.done(*ROTATE)
    settled(tunnelled, former)


def test_ends_that_have_to_be_killed_at_their_limit_are_no_failure(tunnelled):
    former = current_key(tunnelled)
    (number,) = generations(tunnelled)
    deaf = "[Service]\nKillSignal=SIGCONT\nTimeoutStopSec=2\n"
    for node, side in (("front", "client"), ("gpu", "server")):
        folder = f"/run/systemd/system/spiped-dti-{side}@{number}.service.d"
        script = f"mkdir -p {folder}; cat > {folder}/deaf.conf; systemctl daemon-reload"
        tunnelled.shell(node, script, stdin=deaf)
    tunnelled.done(*ROTATE)
    for node in ("front", "gpu"):
        assert "with result 'timeout'" in tunnelled.ssh(node, "journalctl", "--unit=spiped-*", "--lines=50")
        assert tunnelled.ssh(node, "systemctl", "--failed", "--plain", "--no-legend") == ""
    assert f"@{number}.service" not in tunnelled.done("status").stdout
    settled(tunnelled, former)


def test_what_does_not_come_through_the_new_generation_stops_the_rotation(tunnelled):
    (before,) = generations(tunnelled)
    # The next generation's port is closed by somebody on the way.
    port = str(port_of(before + 1))
    drop = ("OUTPUT", "-p", "tcp", "-d", tunnelled.address("gpu"), "--dport", port, "-j", "DROP")
    tunnelled.ssh("front", "iptables", "-I", *drop)
    try:
        with Load(tunnelled.site("front", "demos"), fresh=2, kept=0) as load:
            done = tunnelled.hubctl(*ROTATE)
        assert done.status == Exit.FAILED
        assert "not-proven" in done.stderr
        assert "rotate-key tunnel/dti" in done.stderr
        assert load.failures == []
        assert [status for status, _ in generations(tunnelled).values()] == ["current", "next"]
    finally:
        tunnelled.ssh("front", "iptables", "-D", *drop)
    tunnelled.done(*ROTATE)
    settled(tunnelled)


def test_a_rotation_does_not_begin_where_something_else_would_change(tunnelled):
    tunnelled.ssh("front", "sh", "-c", "echo '# by hand' >> /etc/nginx/nginx.conf")
    before = generations(tunnelled)
    done = tunnelled.hubctl(*ROTATE)
    assert done.status == Exit.FAILED
    assert "changes-pending" in done.stderr
    assert "hubctl plan front" in done.stderr
    assert generations(tunnelled) == before
    tunnelled.done("deploy", "front")


def test_young_keys_are_kept(tunnelled):
    before = generations(tunnelled)
    done = tunnelled.done("rotate-key", "--all", "--older-than", "90d")
    for key in ("tunnel/dti", "service/task_api", "ssh"):
        assert f"{key}: 0 days old, kept" in done.stdout
    assert generations(tunnelled) == before


def metrics(fleet, token):
    """Ask the front's site for metrics with a token; return the status."""
    site = fleet.site("front", "demos")
    return site.ask_raw("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})[0]


def test_the_services_token_changes_with_a_release_and_no_request_fails(tunnelled):
    former = tunnelled.done("secrets", "show", "service/task_api").stdout.strip()
    assert metrics(tunnelled, former) == 200
    with Load(tunnelled.site("front", "demos"), fresh=2, kept=0) as load:
        done = tunnelled.done("rotate-key", "service/task_api", "--json")
    now = tunnelled.done("secrets", "show", "service/task_api").stdout.strip()
    assert load.failures == []
    assert now != former
    assert metrics(tunnelled, now) == 200
    assert metrics(tunnelled, former) == 403
    assert now not in done.text
    assert now not in said_by(tunnelled, "gpu")
    assert "0 changed" in tunnelled.done("deploy", "gpu").stdout


def account_keys(fleet):
    """Return the public keys in the cloud's account."""
    request = urllib.request.Request(f"{fleet.instance.endpoint}account/keys?per_page=200")
    request.add_header("Authorization", f"Bearer {fleet.instance.token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return [key["public_key"].split()[1] for key in json.load(response)["ssh_keys"]]


def opens(fleet, key):
    return [logs_in(fleet, node, key) for node in ("front", "gpu", "stranger")]


@pytest.mark.parametrize("moment", ["proven", "swapped", None])
def test_the_deploy_key_changes_on_all_nodes_whenever_it_is_killed(tunnelled, moment, tmp_path):
    key = tunnelled.key
    former = tmp_path / "former"
    shutil.copy(key, former)
    former_public = public_of(former).split()[1]
    assert moment != "proven" or former_public in account_keys(tunnelled)
    assert opens(tunnelled, former) == [True] * 3
    if moment:
        assert tunnelled.killed_at(lambda event: event.get("state") == moment, "rotate-key", "ssh")
        assert opens(tunnelled, key) == [True] * 3
    tunnelled.done("rotate-key", "ssh")
    assert opens(tunnelled, key) == [True] * 3
    # hubctl looks itself, each time; sshd turns computers away for a while that are refused too often.
    assert moment or opens(tunnelled, former) == [False] * 3
    assert sorted(path.name for path in key.parent.iterdir()) == [key.name, f"{key.name}.pub"]
    public = key.with_name(f"{key.name}.pub").read_text().split()[1]
    assert public in tunnelled.inventory.with_suffix(".secrets").read_text()
    assert tunnelled.done("secrets", "recipients", "list").stdout.count("ssh-ed25519") == 1
    assert former_public not in account_keys(tunnelled)
    assert "0 changed" in tunnelled.done("deploy", "stranger").stdout
