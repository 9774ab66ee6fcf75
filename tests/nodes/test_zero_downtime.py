"""Constant HTTPS load and a queue of tasks do not notice deploys, changes of settings and rollbacks."""

import re

import pytest

from tests.support.load import Load
from tests.support.releases import current
from tests.support.tasks import TASK_API

pytestmark = pytest.mark.nodes

# Many configurations: a second or more of work.
LONG = {
    "monomers": [["a", "b", "c"], ["a*", "b*"], ["b*", "c*"], ["a*", "c*"]] * 4
    + [[f"a:s{i}"] for i in range(6)],
    "gen": 7_000,
    "init_k": 2,
}
SETTINGS = TASK_API.replace("timeout: 90", "timeout: 80").replace("workers: 1", "workers: 2")


def post(site, task, number):
    return [site.ask("POST", "/task", task)[1]["task_id"] for _ in range(number)]


def summary(answer):
    return answer["status"], answer["entropy"], answer["count"]


@pytest.fixture(scope="module")
def right(deployed):
    """The long task's answer when nothing is going on."""
    status, answer = deployed.site("apis", "tasks").solve(LONG)
    assert status == 200
    assert summary(answer) == ("COMPLETE", 10, LONG["gen"])
    return answer["configs"]


@pytest.fixture
def unnoticed(deployed, right):
    """Requests from all sides and a full queue, of which none may be lost."""
    site = deployed.site("apis", "tasks")
    with Load(site, fresh=3, kept=3) as load:
        load.wait_for(30)
        tasks = post(site, LONG, 2)
        yield deployed
        tasks += post(site, LONG, 1)
        load.wait_for(30)
    assert load.failures == []
    assert load.p99 < Load.late
    for task in tasks:
        status, answer = site.final(task, seconds=120)
        assert (status, summary(answer)) == (200, ("COMPLETE", 10, LONG["gen"]))
        assert answer["configs"] == right


@pytest.fixture
def back(deployed):
    """The deployed node, which is put back as it was."""
    yield
    deployed.write({"apis": TASK_API})
    deployed.done("deploy")


def test_other_settings(back, unnoticed):
    before = current(unnoticed)
    unnoticed.write({"apis": SETTINGS})
    unnoticed.done("deploy")
    assert current(unnoticed) != before
    settings = unnoticed.ssh("apis", "cat", "/opt/hub/task_api/current/settings.json")
    assert re.search('"timeout": 80,\n *"workers": 2', settings)


def test_another_nginx_configuration(back, unnoticed, tmp_path):
    changed = unnoticed.patched(tmp_path, templates={"nginx/nginx.conf": "# one line more\n"})
    assert "apis: reload nginx.service" in changed.done("deploy").stderr
    assert "one line more" in unnoticed.ssh("apis", "cat", "/etc/nginx/nginx.conf")


def test_another_unit_file(back, unnoticed, tmp_path):
    """A changed unit is a new release too, which starts beside the running one."""
    before = current(unnoticed)
    more = {"systemd/web@.service": "\n[Service]\nEnvironment=HUBCTL_TEST=1\n"}
    unnoticed.patched(tmp_path, templates=more).done("deploy")
    assert current(unnoticed) != before
