"""A release that is not healthy never gets traffic: the former one serves on, and the operator sees why."""

import re

import pytest

from provision.errors import Exit
from tests.support.load import Load
from tests.support.releases import current
from tests.support.runtimes import FALLS, SICK, WEB, WORKER, runtime_with

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
        (WEB, FALLS, "task_api@", "no answer"),
        (WORKER, FALLS, "task_api-worker@", ""),
    ],
    ids=["a sick API", "an API that falls", "a worker that falls"],
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
