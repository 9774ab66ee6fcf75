"""A deploy may die at any point: the next one converges, no file is torn and no restart is forgotten.

What a death in the middle of a release means is in the contract of services and in `test_release.py`.
"""

import hashlib
import json

import pytest

from provision.errors import Exit
from tests.support import held, small
from tests.support.clock import shifted
from tests.support.machines import power
from tests.support.small import ABSENT, FOLDER, LINK, LOADED, NODE, NOTED, RELOADING, RESTARTING, SEEN
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes


class Crashing:
    """A node whose plan holds services that know what they have read."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        self.texts = ["text0"]

    def deploying(self, text, *more):
        if text not in self.texts:
            self.texts.append(text)
        self.ssh("touch", ABSENT)
        return self.fleet.planned(self.folder / text, small.plan(text, *more))

    def ssh(self, *argv):
        return self.fleet.ssh(NODE, *argv)

    def shell(self, script):
        return self.fleet.shell(NODE, script)

    def assert_nothing_is_torn(self):
        """Every file is one of those that were ever wanted."""
        whole = {hashlib.sha256(small.big(text).encode()).hexdigest() for text in self.texts}
        assert self.shell(f"sha256sum < {FOLDER}/b").split()[0] in whole
        assert set(self.shell(f"cat {FOLDER}/a {FOLDER}/c").split()) <= set(self.texts)

    def assert_converged(self, text):
        """All is as wanted, the services have read it, and there is nothing left to do or to clear away."""
        assert self.shell(f"cat {SEEN}") == self.shell(f"cat {FOLDER}/[abc]")
        assert self.shell(f"cat {LOADED} {NOTED} {FOLDER}/a {FOLDER}/g1 {FOLDER}/g2") == f"{text}\n" * 5
        assert self.shell(f"cat {FOLDER}/b") == small.big(text)
        assert self.ssh("readlink", LINK).strip() == f"/nowhere/{text}"
        assert self.ssh("find", "/etc", "/var/lib/hubctl", "-name", "*.hubctl-new") == ""
        assert self.shell("ls -A /var/lib/hubctl/originals 2>/dev/null; true") == ""
        again = self.fleet.planned(self.folder / text, small.plan(text)).done("deploy")
        assert ", 0 changed" in again.stdout
        journal = self.shell("cat /var/lib/hubctl/journal.json 2>/dev/null; true")
        assert not journal or not json.loads(journal)["pending"]


@pytest.fixture
def crashing(bare, tmp_path):
    """The node; put back at the end."""
    yield Crashing(bare, tmp_path)
    bare.done("deploy")


# In the order of the plan, so that each run comes one step further than the one before.
BOUNDARIES = [
    *((f"file:{FOLDER}/{name}", stage) for name in "abc" for stage in ("before", "journaled", "after")),
    *((f"symlink:{LINK}", stage) for stage in ("journaled", "after")),
    *((f"absent:{ABSENT}", stage) for stage in ("journaled", "after")),
    *(("checked-files:small", stage) for stage in ("journaled", "saved", "written", "checked", "after")),
    *(("command:note", stage) for stage in ("before", "after")),
    *((f"unit:{RESTARTING}", stage) for stage in ("before", "acted")),
    *((f"unit:{RELOADING}", stage) for stage in ("before", "acted")),
]


def test_a_run_killed_at_every_boundary_is_carried_on(crashing):
    wanted = crashing.deploying("text1")
    for resource, stage in BOUNDARIES:
        killed = wanted.hubctl("deploy", HUBCTL_FAULT=f"{resource}:{stage}")
        assert killed.status == Exit.UNREACHABLE, f"{resource}:{stage} was not reached: {killed.text}"
        assert "run the same command again" in killed.stderr
        crashing.assert_nothing_is_torn()
    wanted.done("deploy")
    crashing.assert_converged("text1")


@pytest.mark.soak(short=1, full=5)
def test_what_one_boundary_leaves_is_finished_whole(crashing, times, chance):
    """Each boundary from a converged node; the short form takes some of them by chance."""
    boundaries = BOUNDARIES if times > 1 else chance.sample(BOUNDARIES, 4)
    for round_ in range(times):
        for number, (resource, stage) in enumerate(boundaries):
            text = f"text{round_}-{number}"
            wanted = crashing.deploying(text)
            killed = wanted.hubctl("deploy", HUBCTL_FAULT=f"{resource}:{stage}")
            assert killed.status == Exit.UNREACHABLE, f"{resource}:{stage} was not reached: {killed.text}"
            wanted.done("deploy")
            crashing.assert_converged(text)


@pytest.mark.soak(short=5, full=60)
def test_a_run_killed_at_random_times_is_carried_on(crashing, times, chance, record_property):
    killed = 0
    for number in range(times):
        text = f"text{2 + number}"
        wanted = crashing.deploying(text)
        held.kill_engine_after(crashing.fleet, NODE, chance.uniform(0, 0.25))
        killed += wanted.hubctl("deploy").status == Exit.UNREACHABLE
        crashing.assert_nothing_is_torn()
        wanted.done("deploy")
        crashing.assert_converged(text)
    record_property("runs killed in the middle", f"{killed} of {times}")
    assert killed >= times // 3


@pytest.mark.parametrize(
    ("folder", "said", "named"),
    [(FOLDER, "disk-full", f"{FOLDER}/"), ("/var/lib/hubctl", "engine-not-started", NODE)],
    ids=["no room for a file", "no room for the engine itself"],
)
def test_a_full_disk_is_said_and_the_next_run_carries_on(crashing, folder, said, named):
    wanted = crashing.deploying("text20")
    crashing.shell(f"mkdir -p {folder}; mount -t tmpfs -o size=8k tmpfs {folder}; echo > {folder}/filler")
    try:
        done = wanted.hubctl("deploy")
        left = crashing.shell(f"ls -A {folder}").split()
    finally:
        crashing.ssh("umount", folder)
    assert done.status == Exit.FAILED
    assert f"[{said}]" in done.stderr
    assert named in done.stderr
    assert "hint:" in done.stderr
    assert not [name for name in left if name.endswith(".hubctl-new")]
    wanted.done("deploy")
    crashing.assert_converged("text20")


def test_a_clock_that_jumps_forth_and_back_is_no_obstacle(crashing):
    for days, text in ((20, "text30"), (-20, "text31")):
        with shifted(crashing.fleet, NODE, days=days):
            wanted = crashing.deploying(text)
            killed = wanted.hubctl("deploy", HUBCTL_FAULT=f"file:{FOLDER}/b:after")
            assert killed.status == Exit.UNREACHABLE, killed.text
            wanted.done("deploy")
            crashing.assert_converged(text)
    events = crashing.fleet.done("history", NODE, "--json").events
    begun = [event["begun"] for event in events if event["event"] == "run"]
    assert begun != sorted(begun), "the clock did not jump"
    wanted = crashing.deploying("text32")
    wanted.done("deploy")
    crashing.assert_converged("text32")


def test_a_node_that_loses_its_power_in_the_middle_comes_back_and_is_finished(crashing):
    wait = held.resources("x")[1]
    process = crashing.deploying("text40", wait).start("deploy")
    held.wait_until_held(crashing.fleet, NODE)
    power(crashing.fleet, NODE, "power_cycle")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == Exit.UNREACHABLE, stderr
    eventually(lambda: crashing.ssh("true") == "", seconds=120)
    held.clean_up(crashing.fleet, NODE)
    crashing.deploying("text40").done("deploy")
    crashing.assert_converged("text40")
