"""Environments are made while packages are installed, and it does no harm when that goes wrong."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provision.node.intact import MANIFEST
from provision.node.resources import Environment, Packages, PythonEnv

PLAN = [
    Packages(("python3-venv",)),
    PythonEnv("/opt/hub/uv", requirements="uv==1 --hash=sha256:0\n"),
    Environment("app", "flask==3 --hash=sha256:0\n", "/opt/hub/uv/bin/uv"),
]
ALL = ["packages:apt", "python-env:/opt/hub/uv", "environment:app"]
UV, APP = "opt/hub/uv-*", "opt/hub/app/envs/*"
ROOT = Path(__file__).parents[2]


def meanwhile(machine):
    """Return the programs that were run on the side."""
    return [call[call.index("--") + 1 :] for call in machine.calls("setpriv")]


def marks(machine):
    """Return how far environments are."""
    found = [path.name for place in (UV, APP) for path in machine.root.glob(f"{place}/.hubctl-*")]
    return [name for name in found if name != MANIFEST]


def installations(machine):
    """Return how often packages were installed into environments, on the side and in turn."""
    return sum("install" in call for call in machine.calls("uv") + machine.calls("python"))


@pytest.fixture
def slow(machine):
    """A machine on which packages take until both environments are made."""
    machine.write("fake/apt-waits-for", f"{UV}/.hubctl-made {APP}/.hubctl-made")
    return machine


def test_environments_are_made_while_packages_are_installed(slow):
    run = slow.converge(PLAN)
    assert (run.end["result"], run.changed) == ("done", ALL)
    assert marks(slow) == [".hubctl-complete", ".hubctl-complete"]
    assert installations(slow) == 2


def test_uv_makes_the_next_one_before_the_link_to_it_is_there(slow):
    slow.converge(PLAN)
    (folder,) = slow.root.glob(UV)
    assert [f"{folder}/bin/uv", "venv"] in [call[:2] for call in meanwhile(slow)]


def test_pip_is_fetched_by_apt_and_goes_again(slow):
    slow.converge(PLAN)
    fetched = slow.path("/var/cache/hubctl/python3-pip-whl")
    assert ["env", f"--chdir={fetched}", "apt-get", "--quiet", "download", "python3-pip-whl"] in meanwhile(
        slow
    )
    wheel = f"{fetched}/usr/share/python-wheels/pip-25-py3-none-any.whl/pip"
    assert [call[:2] for call in slow.calls("python")] == [[wheel, "install"]]
    assert not fetched.exists()


def test_pip_that_is_there_is_not_fetched(slow):
    slow.write("usr/share/python-wheels/pip-24-py3-none-any.whl", "")
    slow.converge(PLAN)
    assert not [call for call in meanwhile(slow) if call[0] in ("env", "dpkg-deb")]


def test_what_cannot_be_made_meanwhile_is_made_in_its_turn(machine):
    machine.write("fake/meanwhile-fails", "")
    run = machine.converge(PLAN)
    assert (run.end["result"], run.changed, run.of("error")) == ("done", ALL, [])
    assert marks(machine) == [".hubctl-complete", ".hubctl-complete"]


def test_what_cannot_be_made_at_all_is_reported_by_its_resource(machine):
    machine.write("fake/install-fails", "")
    run = machine.converge(PLAN)
    assert (run.error["id"], run.error["code"]) == (ALL[1], "install-failed")
    assert marks(machine) == []


def test_what_hangs_does_not_keep_a_run_that_failed_from_ending(machine):
    machine.write("fake/meanwhile-hangs", "")
    machine.write("fake/apt-fails", "E: no\n")
    assert machine.converge(PLAN).error["code"] == "apt-failed"


def test_what_is_still_being_made_is_waited_for(machine):
    """Packages are quicker than environments here, which are made once all the same."""
    machine.write("fake/meanwhile-slow", "")
    run = machine.converge(PLAN)
    assert (run.end["result"], run.changed) == ("done", ALL)
    assert installations(machine) == 2


def test_a_kill_leaves_no_environment_that_counts(machine):
    machine.write("fake/apt-waits-for", "what never comes")
    assert machine.converge(PLAN, fault="packages:apt:env-created").killed
    assert marks(machine) == []
    machine.path("fake/apt-waits-for").unlink()
    assert machine.converge(PLAN).changed == ALL
    assert machine.converge(PLAN).changed == []


def test_what_was_made_ahead_counts_when_its_resource_asks_for_it(slow):
    assert slow.converge(PLAN, fault="packages:apt:after").killed
    assert marks(slow) == [".hubctl-made", ".hubctl-made"]
    slow.forget_calls()
    assert slow.converge(PLAN).changed == ALL[1:]
    assert marks(slow) == [".hubctl-complete", ".hubctl-complete"]
    assert installations(slow) == 0


def test_progress_says_what_is_made_meanwhile(machine):
    machine.write("fake/meanwhile-slow", "")
    texts = [event["text"] for event in machine.converge(PLAN).of("progress")]
    assert f"Setting up things · meanwhile making the environment of {ALL[1]}" in texts


def test_nothing_is_made_meanwhile_where_nothing_is_missing(machine):
    machine.converge(PLAN)
    machine.forget_calls()
    assert machine.converge(PLAN).changed == []
    assert not machine.path("fake/calls.jsonl").exists()
    machine.converge([Packages(("python3-venv", "redis")), *PLAN[1:]])
    assert meanwhile(machine) == []


def test_a_dry_run_makes_nothing(machine):
    assert machine.plan(PLAN).changed == ALL
    assert not machine.path("fake/calls.jsonl").exists()
    assert not machine.path("opt").exists()


def test_its_programs_end_with_the_engine_however_that_ends(tmp_path):
    noted = tmp_path / "pid"
    code = (
        "import sys; from provision.node.system import System; "
        f"System().mortal().run(['sh', '-c', 'echo $$ >{noted}.new; mv {noted}.new {noted}; exec sleep 1000'])"
    )
    engine = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_until(noted.exists)
    engine.send_signal(signal.SIGKILL)
    engine.wait(timeout=30)
    wait_until(lambda: not alive(int(noted.read_text())))


def wait_until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
