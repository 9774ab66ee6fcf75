"""A deploy may die at any point: the next one converges, no file is torn, no restart is forgotten, the site answers."""

import hashlib
import json
import random

import pytest

from provision.errors import Exit
from provision.node.resources import Absent, CheckedFiles, Command, Directory, File, Symlink, Unit
from tests.support import held
from tests.support.load import Load
from tests.support.machines import power
from tests.support.releases import current
from tests.support.runtimes import BOTH, runtime_with
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

FOLDER = "/etc/hubctl-crash"
UNIT = "hubctl-crash.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
SERVICE = f"""\
[Service]
ExecStart=/bin/sh -c 'cat {FOLDER}/[a-z]* > /run/hubctl-crash; exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""
LINES = 30_000


def big(text):
    return f"{text}\n" * LINES


def resources(text, *more):
    """Return one of each cheap kind, all of which differ from text to text; `more` comes after the files."""
    files = [
        File(f"{FOLDER}/a", text),
        File(f"{FOLDER}/b", big(text)),
        File(f"{FOLDER}/c", text, secret=True),
    ]
    group = CheckedFiles(
        "crash", (File(f"{FOLDER}/g1", text), File(f"{FOLDER}/g2", text)), ("test", "-s", f"{FOLDER}/g2")
    )
    unit = File(UNIT_FILE, SERVICE)
    causes = tuple(each.id for each in (unit, *files, group))
    return [
        Directory(FOLDER),
        unit,
        *files,
        Symlink("/etc/hubctl-crash-link", f"/nowhere/{text}"),
        Absent("/etc/hubctl-crash-absent"),
        group,
        *more,
        Command("note", ("sh", "-c", f"cat {FOLDER}/a > /var/tmp/hubctl-crash-noted"), on=causes),
        Unit(UNIT, restart_on=causes),
    ]


class Crashing:
    """The deployed node, whose plan holds a service that knows what it has read."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        self.texts = []

    def deploying(self, text, *more):
        if text not in self.texts:
            self.texts.append(text)
        self.ssh("touch", "/etc/hubctl-crash-absent")
        return self.fleet.patched(self.folder / text, resources=resources(text, *more))

    def ssh(self, *argv):
        return self.fleet.ssh("apis", *argv)

    def shell(self, script):
        return self.ssh("sh", "-c", script)

    def assert_nothing_is_torn(self):
        """Every file is one of those that were ever wanted."""
        whole = {hashlib.sha256(big(text).encode()).hexdigest() for text in self.texts}
        assert self.shell(f"sha256sum < {FOLDER}/b").split()[0] in whole
        assert set(self.shell(f"cat {FOLDER}/a {FOLDER}/c").replace("text", " text").split()) <= set(
            self.texts
        )

    def assert_converged(self, text, **environment):
        """All is as wanted, the service has read it, and there is nothing left to do or to clear away."""
        assert self.shell("cat /run/hubctl-crash") == self.shell(f"cat {FOLDER}/[a-z]*")
        assert self.shell(f"cat {FOLDER}/b") == big(text)
        assert self.shell("cat /var/tmp/hubctl-crash-noted") == self.shell(f"cat {FOLDER}/g1") == text
        assert self.ssh("readlink", "/etc/hubctl-crash-link").strip() == f"/nowhere/{text}"
        assert self.ssh("find", "/etc", "/opt/hub", "-name", "*.hubctl-new") == ""
        assert self.shell("ls -A /var/lib/hubctl/originals 2>/dev/null; true") == ""
        again = self.fleet.patched(self.folder / text, resources=resources(text)).done(
            "deploy", **environment
        )
        assert ", 0 changed" in again.stdout
        journal = self.shell("cat /var/lib/hubctl/journal.json 2>/dev/null; true")
        assert not journal or not json.loads(journal)["pending"]


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """Another version of the runtime."""
    return runtime_with(tmp_path_factory.mktemp("newer"), BOTH, "# newer\n")


@pytest.fixture
def crashing(deployed, tmp_path):
    """The node under load, which must not notice any of it; put back at the end."""
    node = Crashing(deployed, tmp_path)
    node.deploying("text0").done("deploy")
    with Load(deployed.site("apis", "tasks"), fresh=1, kept=1) as load:
        load.wait_for(10)
        yield node
        load.wait_for(10)
    off = [Unit(UNIT, enabled=False, running=False)]
    deployed.patched(tmp_path / "off", resources=off).done("deploy")
    node.shell(
        f"rm -rf {FOLDER} {UNIT_FILE} /etc/hubctl-crash-* /run/hubctl-crash /var/tmp/hubctl-crash-noted"
    )
    deployed.done("deploy")
    assert load.failures == []
    assert load.p99 < 5


# In the order of the plan, so that each run comes one step further than the one before.
BOUNDARIES = [
    *(("release:task_api", stage) for stage in ("before", "journaled", "started", "switched", "after")),
    *((f"file:{FOLDER}/{name}", stage) for name in "abc" for stage in ("before", "journaled", "after")),
    *((kind, stage) for kind in ("symlink:/etc/hubctl-crash-link",) for stage in ("journaled", "after")),
    *(("absent:/etc/hubctl-crash-absent", stage) for stage in ("journaled", "after")),
    *(("checked-files:crash", stage) for stage in ("journaled", "saved", "written", "checked", "after")),
    *(("command:note", stage) for stage in ("before", "after")),
    *((f"unit:{UNIT}", stage) for stage in ("before", "acted")),
]


def test_a_run_killed_at_every_boundary_is_carried_on(crashing, newer):
    wanted = crashing.deploying("text1")
    for resource, stage in BOUNDARIES:
        killed = wanted.hubctl("deploy", HUBCTL_RUNTIME=newer, HUBCTL_FAULT=f"{resource}:{stage}")
        assert killed.status == Exit.UNREACHABLE, f"{resource}:{stage} was not reached: {killed.text}"
        assert "run the same command again" in killed.stderr
        crashing.assert_nothing_is_torn()
    wanted.done("deploy", HUBCTL_RUNTIME=newer)
    crashing.assert_converged("text1", HUBCTL_RUNTIME=newer)
    assert current(crashing.fleet) in crashing.shell("systemctl list-units --plain 'task_api@*'")


KILLER = (
    "for _ in $(seq 500); do [ -s /run/hubctl/lock ] && break; sleep 0.01; done; sleep {delay:.3f}; "
    "kill -9 $(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' /run/hubctl/lock)"
)


def test_a_run_killed_at_random_times_is_carried_on(crashing, newer):
    chance = random.Random(3)
    killed = 0
    for number in range(7):
        text = f"text{2 + number}"
        wanted = crashing.deploying(text)
        slow = number % 4 == 0
        runtime = {"HUBCTL_RUNTIME": newer} if slow else {}
        delay = chance.uniform(0, 2.5 if slow else 0.25)
        crashing.ssh("systemd-run", "--quiet", "sh", "-c", KILLER.format(delay=delay))
        killed += wanted.hubctl("deploy", **runtime).status == Exit.UNREACHABLE
        crashing.assert_nothing_is_torn()
        wanted.done("deploy", **runtime)
        crashing.assert_converged(text, **runtime)
    assert killed >= 3


def test_a_full_disk_is_said_and_the_next_run_carries_on(crashing, tmp_path):
    wanted = crashing.deploying("text20")
    former = current(crashing.fleet)
    unknown = runtime_with(tmp_path / "unknown", BOTH, "# of which the node has no copy\n")
    for folder, said in (
        ("/var/lib/hubctl/blobs", "disk-full"),  # no room for the release
        (FOLDER, "disk-full"),  # no room for a file of half a megabyte
        ("/var/lib/hubctl", "engine-not-started"),  # no room for the engine itself
    ):
        crashing.shell(f"mkdir -p {folder}; mount -t tmpfs -o size=8k tmpfs {folder}; echo > {folder}/filler")
        try:
            runtime = {"HUBCTL_RUNTIME": unknown} if "blobs" in folder else {}
            done = wanted.hubctl("deploy", **runtime)
            left = crashing.shell(f"ls -A {folder}").split()
        finally:
            crashing.ssh("umount", folder)
        assert done.status == Exit.FAILED
        assert f"[{said}]" in done.stderr
        assert "hint:" in done.stderr
        assert not [name for name in left if name.endswith(".hubctl-new")]
        assert current(crashing.fleet) == former
    wanted.done("deploy")
    crashing.assert_converged("text20")


# A line that every Python of the distribution runs at its start.
CLOCK = (
    "import time; time.time = lambda now=time.time: now() + {jump}; "
    "time.gmtime = lambda at=None, utc=time.gmtime, time=time: utc(time.time() if at is None else at)"
)
CLOCK_FILE = "/usr/lib/python3/dist-packages/hubctl-test-clock.pth"
DAYS = 86_400


def test_a_clock_that_jumps_forth_and_back_is_no_obstacle(crashing, newer):
    """A machine of this kind shares the host's clock, so the engine alone sees another one."""
    former = current(crashing.fleet)
    try:
        for jump, text in ((20 * DAYS, "text30"), (-20 * DAYS, "text31")):
            crashing.shell(f"echo '{CLOCK.format(jump=jump)}' > {CLOCK_FILE}")
            wanted = crashing.deploying(text)
            runtime = {"HUBCTL_RUNTIME": newer} if jump > 0 else {}
            killed = wanted.hubctl("deploy", HUBCTL_FAULT=f"file:{FOLDER}/b:after", **runtime)
            assert killed.status == Exit.UNREACHABLE, killed.text
            wanted.done("deploy", **runtime)
            crashing.assert_converged(text, **runtime)
    finally:
        crashing.ssh("rm", "-f", CLOCK_FILE)
    begun = [
        event["begun"]
        for event in crashing.fleet.done("history", "apis", "--json").events
        if event["event"] == "run"
    ]
    assert begun != sorted(begun), "the clock did not jump"
    # The order of releases is that of their deploys, whatever the clock said.
    assert current(crashing.fleet) == former
    crashing.fleet.done("rollback")
    assert current(crashing.fleet) != former
    wanted = crashing.deploying("text32")
    wanted.done("deploy")
    crashing.assert_converged("text32")


def test_a_node_that_loses_its_power_in_the_middle_comes_back_and_is_finished(deployed, tmp_path, newer):
    node = Crashing(deployed, tmp_path)
    node.deploying("text0").done("deploy")
    wait = held.resources("x")[1]
    process = node.deploying("text40", wait).start("deploy", HUBCTL_RUNTIME=newer)
    held.wait_until_held(deployed, "apis")
    power(deployed, "apis", "power_cycle")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == Exit.UNREACHABLE, stderr
    eventually(lambda: deployed.site("apis", "tasks").solve()[0] == 200, seconds=120)
    held.clean_up(deployed, "apis")
    wanted = deployed.patched(tmp_path / "text40", resources=resources("text40"))
    wanted.done("deploy", HUBCTL_RUNTIME=newer)
    node.assert_converged("text40", HUBCTL_RUNTIME=newer)
    deployed.patched(tmp_path / "off", resources=[Unit(UNIT, enabled=False, running=False)]).done("deploy")
    node.shell(
        f"rm -rf {FOLDER} {UNIT_FILE} /etc/hubctl-crash-* /run/hubctl-crash /var/tmp/hubctl-crash-noted"
    )
    deployed.done("deploy")
    assert deployed.site("apis", "tasks").solve()[0] == 200
