"""Nodes that lie, beside one that does not: that one is done, each liar is one error of its own, and no text steers."""

import pytest

from provision.errors import Exit
from tests.hostile.conftest import GOOD
from tests.support import small
from tests.support.lies import ANSWERS, LIES, LOUD

pytestmark = pytest.mark.nodes

FEW = 4
IN_ACTIONS = {"GITHUB_ACTIONS": "true", "CI": "true"}


def outcomes(done):
    return {event["node"]: event for event in done.events if event["event"] == "outcome"}


def codes(done):
    return [event["code"] for event in done.events if event["event"] == "error"]


def sober(done):
    """Make sure that what was shown steers nothing, and is no defect."""
    assert "Traceback" not in done.text
    assert not [char for char in done.text if ord(char) < 32 and char not in "\n\t"]
    assert "\u202e" not in done.text


def test_a_good_node_is_deployed_among_liars_and_each_of_them_is_named(crowd, tmp_path):
    other = crowd.planned(tmp_path, small.plan("among liars"))
    done = other.hubctl("deploy", "--json")
    sober(done)
    assert done.status == Exit.FAILED
    found = outcomes(done)
    assert found[GOOD]["error"] is None
    assert crowd.ssh(GOOD, "cat", f"{small.FOLDER}/a") == "among liars\n"
    said = {name: found[name]["error"]["code"] for name in found if name != GOOD}
    wanted = {name: lie.code for name, lie in {**LIES, **LOUD, **ANSWERS}.items()}
    assert said == wanted
    for name in said:
        assert name in found[name]["error"]["message"]
    crowd.done("deploy", GOOD)


def test_no_line_of_a_liar_is_a_command_to_github(crowd, liars):
    done = crowd.hubctl("deploy", GOOD, *liars, **IN_ACTIONS)
    sober(done)
    assert done.status == Exit.FAILED
    assert f"{GOOD}: " in done.stdout
    commands = [line for line in done.text.splitlines() if line.strip().startswith("::") or "##[" in line]
    assert len(commands) == len(liars)
    assert {line.partition("::")[2].partition(" ")[0] for line in commands} == {"error"}


def test_a_plan_compares_the_good_node_and_fails_for_the_liars(crowd, liars, tmp_path):
    done = crowd.planned(tmp_path, small.plan("planned")).hubctl("plan", GOOD, *liars, **IN_ACTIONS)
    sober(done)
    assert done.status == Exit.FAILED
    assert f"{GOOD}: file:{small.FOLDER}/a" in done.stdout
    assert "+planned" in done.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("status",), f"{GOOD}\nprocess"),
        (("lock", "status"), f"{GOOD}: free"),
        (("releases",), "releases\n"),
        (("rollback",), f"{GOOD}: failed (no-release)"),
    ],
    ids=["status", "lock", "releases", "rollback"],
)
def test_what_a_good_node_answers_is_shown_beside_the_errors_of_liars(crowd, liars, words, shown):
    nodes = [
        GOOD,
        *liars[: None if words == ("status",) else FEW],
        *([] if words == ("rollback",) else ANSWERS),
    ]
    done = crowd.hubctl(*words, *nodes)
    sober(done)
    assert done.status == Exit.FAILED
    assert shown in done.stdout
    told = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(told) == min(20, len(nodes) - (words != ("rollback",)))


@pytest.mark.parametrize("node", ["nil", "answer", "quiet", "steering"])
def test_the_history_of_a_liar_is_one_error(crowd, node):
    done = crowd.hubctl("history", node, "--json")
    sober(done)
    assert (done.status, codes(done)) == (Exit.FAILED, [{**LIES, **ANSWERS}[node].code])


def test_a_command_of_ones_own_runs_on_liars_as_on_others(crowd):
    done = crowd.hubctl("run", GOOD, "steering", "bytes", "half", "--", "id")
    sober(done)
    assert f"{GOOD}: uid=0(root)" in done.stdout
