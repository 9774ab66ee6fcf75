"""What a newcomer does: clone, `make demo`, look, and take it down again."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from provision.inventory.services.service import WebService
from provision.services import RECIPES

pytestmark = pytest.mark.nodes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clone(nodes_possible, tmp_path_factory):
    folder = tmp_path_factory.mktemp("newcomer") / "hub ctl"  # a path with a blank in it is nobody's mistake
    # Files that git knows or would add: the test speaks of the work tree as it is.
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode & 0o777)
    yield folder
    for inventory in ("demo", "all"):
        hubctl(folder, "local", "down", "--destroy", inventory=inventory)


def environment(folder):
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("HUBCTL", "MAKE", "MFLAGS"))
    }
    return {**clean, "HUBCTL_CONFIG_DIR": str(folder / "config")}


def make(folder, target):
    # From another working directory, as scripts and editors do.
    return subprocess.run(
        ["make", "-C", str(folder), target],
        cwd="/",
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=600,
    )


def ended(folder, done):
    """What the last line of a demo says ends it, run as it stands."""
    words = re.search(r"^end it with: (\S.*?)(   .*)?$", done.stdout, re.MULTILINE).group(1)
    return subprocess.run(
        shlex.split(words), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120
    )


def hubctl(folder, *words, inventory="demo"):
    return subprocess.run(
        [str(folder / ".venv/bin/hubctl"), *words, "-i", str(folder / f"inventories/{inventory}.yml")],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def demo(clone):
    return make(clone, "demo")


@pytest.fixture(scope="module")
def demo_all(clone):
    return make(clone, "demo-all")


def test_make_demo_ends_with_the_answer_and_a_curl_line_that_works(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert '"entropy": 3' in demo.stdout
    assert "https://tasks.demo.test/" in demo.stdout
    curl = next(line for line in demo.stdout.splitlines() if line.startswith("curl --resolve"))
    answer = subprocess.run([*shlex.split(curl), "-s"], capture_output=True, text=True, timeout=30)
    assert answer.returncode == 0, answer.stderr
    assert "task_id" in answer.stdout


def test_a_second_make_demo_changes_nothing(clone):
    done = make(clone, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"apis: \d+ ok, 0 changed", done.stdout)
    assert "making" not in done.stderr


def test_make_demo_all_ends_with_what_every_service_answers(clone, demo_all):
    """Each service of the recipes is in it; a second run changes nothing."""
    assert demo_all.returncode == 0, demo_all.stdout + demo_all.stderr
    rows = {line.split()[1]: line for line in demo_all.stdout.splitlines() if "https://" in line}
    assert set(rows) == {recipe.name for recipe in RECIPES if issubclass(recipe.shape, WebService)}
    assert "entropy 3" in rows["task_api"]
    assert "200 through the tunnel" in rows["proxy"]
    assert "20, asked by demo, whose save is on the dashboard" in rows["jupyterhub"]
    again = make(clone, "demo-all")
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(re.findall(r"^\w+: \d+ ok, 0 changed", again.stdout, re.MULTILINE)) == 3


def test_taking_it_down_as_it_says_leaves_nothing(clone, demo, demo_all):
    name = re.search(r"local cloud (\S+)", hubctl(clone, "local", "status").stdout).group(1).rstrip(":")
    for done in (demo_all, demo):
        down = ended(clone, done)
        assert down.returncode == 0, down.stderr
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert name not in processes
    assert str(clone) not in processes
