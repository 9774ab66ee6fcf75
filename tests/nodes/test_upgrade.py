"""A node deployed by an earlier hubctl is planned, updated, rolled back and restarted by this one, and serves on."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.errors import Exit
from tests.support.fleet import Fleet
from tests.support.load import Load
from tests.support.machines import reboot
from tests.support.releases import current, listed
from tests.support.tasks import EXAMPLE, SLOW, TASK_API, Posted
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

FORMER = "d96f239"
"""The last commit at which all services shared one bundle and one Redis."""
ROOT = Path(__file__).parents[2]
SLOWER = TASK_API.replace("timeout: 90", "timeout: 91")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the earlier hubctl; a clone without its history has none."""
    folder = tmp_path_factory.mktemp("former")
    known = ["git", "-C", str(ROOT), "cat-file", "-e", f"{FORMER}^{{commit}}"]
    if subprocess.run(known, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"commit {FORMER} is not in this clone; `git fetch --unshallow` brings it")
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", FORMER], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


@pytest.fixture(scope="module")
def fleet(make_fleet) -> Fleet:
    """An inventory whose machine is not made yet."""
    made: Fleet = make_fleet({"apis": TASK_API})
    return made


@pytest.fixture(scope="module")
def former(fleet: Fleet, sources: Path) -> Fleet:
    """The same fleet, driven by the earlier hubctl, which makes its machine and its key."""
    other = copy.copy(fleet)
    other.program = ("-P", "-m", "provision")  # without the folder that the tests are run from
    other.environment = {**fleet.environment, "PYTHONPATH": str(sources)}
    other.done("create-node", "apis", "--no-deploy")
    return other


@pytest.fixture(scope="module")
def living(fleet: Fleet, former: Fleet) -> Fleet:
    """A node with two releases of the earlier hubctl's."""
    former.done("deploy")
    fleet.write({"apis": SLOWER})
    former.done("deploy")
    described = fleet.ssh("apis", "cat", "/opt/hub/task_api/current/release.json")
    assert "shares_socket" not in described, "this hubctl has deployed it"
    return fleet


@pytest.fixture
def load(living: Fleet) -> Iterator[Load]:
    """Requests that go on all the time; none may fail unless the test takes it out."""
    with Load(living.site("apis", "tasks")) as load:
        load.wait_for(10)
        yield load
        load.wait_for(10)
    assert load.failures == []


def serves(fleet: Fleet, release: str) -> bool:
    return fleet.site("apis", "tasks").ask("GET", "/health")[1]["release"] == release


def processes(fleet: Fleet) -> dict[str, str]:
    (status,) = [each for each in fleet.done("status", "--json").events if each["event"] == "status"]
    return {each["name"]: each["active"] for each in status["processes"]}


def test_it_is_looked_at_restarted_and_rolled_back_as_it_is(living: Fleet, load: Load) -> None:
    first, second = listed(living)
    assert current(living) == second
    assert processes(living)["task_api"] == processes(living)["task_api-worker"] == "active"
    living.done("restart", "apis", "task_api", "task_api-worker")
    assert f"switch {second} → {first}" in living.done("rollback").text
    assert serves(living, first)
    living.done("rollback", "--to", second)
    assert serves(living, second)
    assert living.site("apis", "tasks").solve()[0] == 200


def test_it_is_planned_and_updated_and_another_deploy_changes_nothing(living: Fleet, load: Load) -> None:
    before = current(living)
    posted = Posted(living.site("apis", "tasks"))
    posted.post(SLOW)
    posted.post(EXAMPLE, 3)
    planned = living.hubctl("plan")
    assert planned.status == Exit.CHANGES, planned.text
    assert serves(living, before)
    living.done("deploy")
    # While the queue moves from the shared Redis to one of the service's own, it is out of reach, and the site says so.
    assert {*load.failures} <= {503}
    load.failures.clear()
    assert current(living) != before
    assert serves(living, current(living))
    posted.assert_all_right()
    assert "0 changed" in living.done("deploy").stdout
    assert set(processes(living).values()) == {"active"}


def test_it_goes_back_to_the_earlier_release_and_forward_again(living: Fleet, load: Load) -> None:
    living.done("deploy")
    now = current(living)
    former = listed(living)[-2]
    living.done("rollback")
    assert serves(living, former)
    living.done("restart", "apis", "task_api")
    assert serves(living, former)
    living.done("deploy")
    assert serves(living, now)
    # The earlier release wanted the shared Redis: that one stays off, and its folder stays for the next way back.
    assert (
        living.ssh("apis", "systemctl", "is-active", "redis-server.service", check=False).strip()
        == "inactive"
    )
    assert living.ssh("apis", "readlink", "/run/redis/hub.sock").strip() == "/run/redis-task_api/redis.sock"


def test_it_goes_back_after_a_reboot_too(living: Fleet) -> None:
    former = listed(living)[-2]
    reboot(living, "apis")
    assert eventually(lambda: serves(living, current(living)), seconds=120)
    living.done("rollback")
    assert serves(living, former)
    assert living.site("apis", "tasks").solve()[0] == 200
