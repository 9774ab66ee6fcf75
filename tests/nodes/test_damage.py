"""What a node holds may be damaged by whoever works on it: one deploy builds it again, and the service answers."""

from __future__ import annotations

import pytest

from provision.errors import Exit
from tests.support.releases import current
from tests.support.runtimes import BOTH, runtime_with
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

HOME = "/opt/hub/task_api"
CURRENT = f"{HOME}/current"
UNITS = "'task_api@*.service' 'task_api-worker@*.service'"
RESTART = f"systemctl restart --no-block {UNITS}"
FLASK = f"{CURRENT}/venv/lib/python3*/site-packages/flask"


@pytest.fixture
def site(deployed):
    """The site; the node is converged and answers when a test is over."""
    site = deployed.site("apis", "tasks")
    yield site
    assert site.solve()[0] == 200
    assert ", 0 changed" in deployed.done("deploy").stdout


@pytest.fixture
def newer(tmp_path):
    """Another version of the runtime."""
    return runtime_with(tmp_path / "newer", BOTH, "# newer\n")


def instances(fleet):
    """Return the releases that have a unit which runs, or would at boot."""
    listed = fleet.shell(
        "apis", f"systemctl list-units --all --plain --no-legend {UNITS}; ls /etc/systemd/system/*"
    )
    words = [word for word in listed.split() if word.startswith(("task_api@", "task_api-worker@"))]
    return {word.partition("@")[2].partition(".")[0] for word in words} - {""}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (f"rm -rf {HOME}/envs; {RESTART}", "its environment"),
        (
            f"cd {CURRENT}; : > hub_runtime/task_api/app.py; : > release.json; rm settings.json; {RESTART}",
            "settings.json is damaged",
        ),
        (f"rm -r {FLASK}/*", "flask/"),
    ],
    ids=["environments removed", "the release's own files emptied and removed", "a package removed"],
)
def test_what_is_damaged_is_planned_and_built_again_by_one_deploy(deployed, site, damage, said):
    before = current(deployed)
    deployed.shell("apis", damage)
    planned = deployed.hubctl("plan")
    assert planned.status == Exit.CHANGES
    assert f"build {before} again: " in planned.stdout
    assert said in planned.stdout
    deployed.done("deploy")
    assert current(deployed) == before


def test_the_folders_of_the_web_servers_package_come_back_and_a_large_task_is_taken(deployed, site):
    deployed.shell("apis", "rm -rf /var/lib/nginx /var/log/nginx; systemctl kill --signal=KILL nginx")
    deployed.done("deploy")
    large = {"monomers": [["a", "# " + "x" * 100_000]]}
    assert site.ask("POST", "/task", large)[0] == 202


def test_a_release_that_was_removed_while_its_units_fall_needs_one_deploy(deployed, site):
    before = current(deployed)
    deployed.shell("apis", f"rm -r {HOME}/releases/{before}; systemctl kill --signal=KILL {UNITS}")
    loops = f"systemctl show --property=SubState --value task_api@{before}.service"
    eventually(lambda: "auto-restart" in deployed.shell("apis", loops), seconds=60)
    deployed.done("deploy")
    assert current(deployed) == before


def test_the_units_of_a_release_that_was_removed_end_with_the_next(deployed, site, newer):
    before = current(deployed)
    deployed.shell("apis", f"rm -r {HOME}/releases/{before}")
    deployed.done("deploy", HUBCTL_RUNTIME=newer)
    assert current(deployed) != before
    eventually(lambda: before not in instances(deployed), seconds=120)
    deployed.done("deploy")
    assert current(deployed) == before
