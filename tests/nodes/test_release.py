"""A release that is not healthy never gets traffic: the former one serves on, and the operator sees why."""

import re

import pytest

from provision.errors import Exit
from tests.support import held
from tests.support.clock import shifted
from tests.support.load import Load
from tests.support.releases import current
from tests.support.runtimes import BOTH, FALLS, SICK, WEB, WORKER, runtime_with

pytestmark = pytest.mark.nodes


@pytest.fixture
def serving(deployed):
    """The deployed node under load, which must not notice anything."""
    before = current(deployed)
    with Load(deployed.site("apis", "tasks"), fresh=1, kept=1) as load:
        load.wait_for(10)
        yield deployed
        load.wait_for(10)
    assert load.failures == []
    assert current(deployed) == before
    assert deployed.site("apis", "tasks").solve()[0] == 200
    assert re.search("0 changed", deployed.done("deploy").stdout)


@pytest.mark.parametrize(
    ("module", "text", "unit", "said"),
    [
        (WEB, SICK, "task_api@", "500 broken on purpose"),
        (WORKER, FALLS, "task_api-worker@", ""),
    ],
    ids=["a sick API", "a worker that falls"],
)
def test_a_broken_release_is_refused(serving, tmp_path, module, text, unit, said):
    impatient = serving.patched(tmp_path, fields={"release:task_api": {"probe_timeout": 6}})
    done = impatient.hubctl("deploy", HUBCTL_RUNTIME=runtime_with(tmp_path / "runtime", module, text))
    assert done.status == Exit.FAILED
    shown = done.stderr
    assert "[release-unhealthy]" in shown
    # The probe's URL and last status, the unit's state and last words, and the next command.
    assert re.search(r"probe: GET /health at /run/hub-task_api/probe-[0-9a-f]{16}\.sock: " + said, shown)
    assert re.search(rf"{unit}[0-9a-f]{{16}}\.service: \w+ \(", shown)
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.* task_api\[", shown)
    assert re.search(rf"hint: on the node: journalctl -u {unit}[0-9a-f]{{16}}\.service -n 100", shown)
    assert len(re.findall(r"task_api\[\d+\]: ", shown)) <= 40
    if text == FALLS:
        assert "RuntimeError: broken on purpose" in shown
    assert "apis: failed (release-unhealthy)" in done.stdout
    (row,) = [
        row
        for row in serving.done("history", "apis", "--last", "1", "--json").events
        if row["event"] == "run"
    ]
    assert (row["result"], row["failed"]) == ("failed", ["release:task_api"])


@pytest.fixture
def newer(tmp_path):
    """Another version of the runtime."""
    return runtime_with(tmp_path / "newer", BOTH, "# newer\n")


def test_a_release_that_finds_no_room_is_not_begun(serving, tmp_path):
    large = runtime_with(tmp_path / "large", BOTH, "# there is no room for it\n")
    blobs = "/var/lib/hubctl/blobs"
    serving.shell("apis", f"mkdir -p {blobs}; mount -t tmpfs -o size=8k tmpfs {blobs}; echo > {blobs}/filler")
    try:
        done = serving.hubctl("deploy", HUBCTL_RUNTIME=large)
        left = serving.ssh("apis", "ls", "-A", blobs).split()
    finally:
        serving.ssh("apis", "umount", blobs)
    assert done.status == Exit.FAILED
    assert "[disk-full]" in done.stderr
    assert "hint:" in done.stderr
    assert left == ["filler"]


@pytest.mark.soak(short=1, full=12)
def test_a_release_killed_at_random_times_is_carried_on(serving, tmp_path, times, chance, record_property):
    killed = 0
    for number in range(times):
        runtime = runtime_with(tmp_path / str(number), BOTH, f"# {number}\n")
        held.kill_engine_after(serving, "apis", chance.uniform(0, 2.5))
        killed += serving.hubctl("deploy", HUBCTL_RUNTIME=runtime).status == Exit.UNREACHABLE
        serving.done("deploy", HUBCTL_RUNTIME=runtime)
        assert ", 0 changed" in serving.done("deploy", HUBCTL_RUNTIME=runtime).stdout
    serving.done("deploy")
    record_property("releases killed in the middle", f"{killed} of {times}")
    assert killed >= times // 3


def test_the_order_of_releases_is_that_of_their_deploys_whatever_the_clock_says(serving, newer):
    former = current(serving)
    with shifted(serving, "apis", days=20):
        serving.done("deploy", HUBCTL_RUNTIME=newer)
    with shifted(serving, "apis", days=-20):
        serving.done("deploy")
    assert current(serving) == former
    serving.done("rollback")
    assert current(serving) != former
    serving.done("deploy")
