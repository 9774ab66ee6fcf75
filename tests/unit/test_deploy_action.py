"""deploy and plan over several nodes, with an engine that answers as it is told."""

import contextlib
import io
import json
from types import SimpleNamespace

import pytest
import typer

import provision.plan
from provision.actions import deploy as action
from provision.actions.fleet import LoadedFleet
from provision.actions.job import Caller, Job
from provision.actions.outcome import Outcome
from provision.commands.outcomes import show_errors, show_outcomes
from provision.errors import Exit, HubError
from provision.inventory.load import load
from provision.output import Output

NODE = "  {}: {{size: small, image: debian-13-x64, services: {{}}}}\n"
INVENTORY = """\
fleet: lab
domain: lab.test
provider: digitalocean
operator: {email: ops@lab.test}
acme: {server: letsencrypt}
sizes: {small: s-1vcpu-2gb}
nodes:
""" + "".join(NODE.format(name) for name in ("one", "two", "three"))
UNREACHABLE = HubError("unreachable", "it does not answer", exit_code=Exit.UNREACHABLE)
BROKEN = HubError("unit-failed", "it fell")


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "lab.yml"
    path.write_text(INVENTORY)
    return LoadedFleet(load(path), path)


@pytest.fixture
def asked(monkeypatch):
    """What nodes were asked, in order; `errors` says which of them fail."""

    class Asked(list):
        def __init__(self):
            self.errors = {}

    asked = Asked()

    def ask(job, op, node, *, blobs, **fields):
        asked.append((node, op, fields))
        return Outcome(node, ok=len(fields["resources"]) - 1, changed=1, error=asked.errors.get(node))

    monkeypatch.setattr(Job, "ask", ask)
    monkeypatch.setattr(Job, "ahead", lambda job, nodes: contextlib.nullcontext())
    return asked


def output(json=False):
    return Output(io.StringIO(), io.StringIO(), json=json)


def run(loaded, **options):
    return action.deploy(Job(loaded, Caller("deploy"), output()), ["one", "two", "three"], **options)


def test_each_node_gets_its_whole_plan_to_be_applied(loaded, asked):
    outcomes = run(loaded)
    assert [outcome.node for outcome in outcomes] == ["one", "two", "three"]
    for _, op, fields in asked:
        assert (op, fields["apply"]) == ("converge", True)
        assert {"packages", "firewall", "checked-files", "unit"} <= {
            each["kind"] for each in fields["resources"]
        }


def test_a_plan_is_the_same_request_that_is_not_applied(loaded, asked):
    run(loaded, parallel=1)
    run(loaded, parallel=1, apply=False)
    assert [fields["resources"] for _, _, fields in asked[:3]] == [
        fields["resources"] for _, _, fields in asked[3:]
    ]
    assert {fields["apply"] for _, _, fields in asked[3:]} == {False}


def test_a_node_that_fails_does_not_stop_the_others(loaded, asked):
    asked.errors = {"one": UNREACHABLE}
    outcomes = run(loaded, parallel=1)
    assert [outcome.error for outcome in outcomes] == [UNREACHABLE, None, None]


def test_a_plan_that_cannot_be_made_is_that_nodes_error_alone(loaded, asked, monkeypatch):
    right = provision.plan.plan

    def plan(context):
        if context.name == "two":
            raise BROKEN
        return right(context)

    monkeypatch.setattr(provision.plan, "plan", plan)
    assert [outcome.error for outcome in run(loaded, parallel=1)] == [None, BROKEN, None]
    assert [node for node, _, _ in asked] == ["one", "three"]


def test_a_node_that_says_done_of_less_than_it_was_asked_for_is_not_believed(loaded, asked, monkeypatch):
    monkeypatch.setattr(Job, "ask", lambda job, op, node, **_: Outcome(node))
    assert {outcome.error.code for outcome in run(loaded)} == {"engine-garbled"}


def test_rolling_asks_no_node_after_the_first_that_failed(loaded, asked):
    asked.errors = {"two": BROKEN}
    assert [outcome.node for outcome in run(loaded, rolling=True)] == ["one", "two"]
    assert [node for node, _, _ in asked] == ["one", "two"]


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([BROKEN, None], Exit.FAILED),
        ([UNREACHABLE, None], Exit.UNREACHABLE),
        ([UNREACHABLE, UNREACHABLE], Exit.UNREACHABLE),
        ([UNREACHABLE, BROKEN], Exit.FAILED),
        ([HubError("locked", "x", exit_code=Exit.LOCKED), None], Exit.LOCKED),
        ([HubError("login-refused", "x", exit_code=Exit.NOT_ALLOWED)], Exit.NOT_ALLOWED),
    ],
)
def test_the_exit_code_is_that_of_the_errors_where_they_agree(errors, status):
    with pytest.raises(typer.Exit) as caught:
        show_errors([Outcome(f"n{number}", error=error) for number, error in enumerate(errors)], output())
    assert caught.value.exit_code == status


def test_the_summary_names_every_node_tried_or_not():
    stdout = io.StringIO()
    outcomes = [Outcome("one", ok=3, changed=1, seconds=0.25), Outcome("two", ok=1, error=BROKEN)]
    with pytest.raises(typer.Exit):
        show_outcomes(outcomes, Output(stdout, io.StringIO()), not_tried=["three"])
    assert stdout.getvalue().splitlines() == [
        "one: 3 ok, 1 changed (0.2 s)",
        "two: failed (unit-failed); 1 ok, 0 changed",
        "three: not tried",
    ]


def test_a_comparison_says_what_is_to_change():
    stdout = io.StringIO()
    show_outcomes([Outcome("one", ok=3, changed=1)], Output(stdout, io.StringIO()), applied=False)
    assert stdout.getvalue() == "one: 3 ok, 1 to change (0.0 s)\n"


def test_the_same_is_told_as_events():
    stdout = io.StringIO()
    with pytest.raises(typer.Exit):
        show_outcomes(
            [Outcome("two", error=BROKEN)], Output(stdout, io.StringIO(), json=True), not_tried=["three"]
        )
    events = [json.loads(line) for line in stdout.getvalue().splitlines()]
    assert [(event["node"], event["error"]["code"]) for event in events if event["event"] == "outcome"] == [
        ("two", "unit-failed"),
        ("three", "not-tried"),
    ]


HUB = (
    "  hub: {size: small, image: debian-13-x64, services: {jupyterhub: {hostname: hub, packages: [emoji]}}}\n"
)
LOCK = "emoji==2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
NOT_DEPLOYED = HubError("not-deployed", "nothing was deployed yet")
CONFLICT = HubError("packages-conflict", "they cannot be had together")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A fleet with a hub; `asked` has what its node was asked, `refuses` the errors of what it resolves."""

    class Hub:
        asked, refuses = [], []
        path = tmp_path / "lab.yml"

        def deploy(self, **options):
            self.asked.clear()
            job = Job(LoadedFleet(load(self.path), self.path), Caller("deploy"), output())
            (outcome,) = action.deploy(job, ["hub"], **options)
            return outcome

        def pins(self):
            """Return the locks of the users' environment that the node was asked for."""
            resources = [
                each for op, fields in self.asked if op == "converge" for each in fields["resources"]
            ]
            return [
                each["requirements"] for each in resources if each.get("path") == "/opt/hub/jupyterhub/users"
            ]

    hub = Hub()
    hub.path.write_text(INVENTORY.partition("nodes:\n")[0] + "nodes:\n" + HUB)

    def ask(job, op, node, **fields):
        hub.asked.append((op, fields))
        if op == "converge":
            return Outcome(node, ok=len(fields["resources"]))
        error = hub.refuses.pop(0) if hub.refuses else None
        return Outcome(node, error=error, data=SimpleNamespace(lock=LOCK))

    monkeypatch.setattr(Job, "ask", ask)
    monkeypatch.setattr(Job, "ahead", lambda job, nodes: contextlib.nullcontext())
    return hub


def test_packages_of_the_inventory_are_resolved_once_and_cost_nothing_afterwards(hub):
    assert hub.deploy().error is None
    assert [op for op, _ in hub.asked] == ["packages-resolve", "converge"]
    assert LOCK in hub.pins()[0]
    assert hub.deploy().error is None
    assert [op for op, _ in hub.asked] == ["converge"]
    assert LOCK in hub.pins()[0]
    hub.path.write_text(hub.path.read_text().replace(", packages: [emoji]", ""))
    hub.deploy()
    assert [op for op, _ in hub.asked] == ["converge"]
    assert LOCK not in hub.pins()[0]


def test_a_node_that_was_never_deployed_resolves_packages_when_it_is(hub):
    hub.refuses.append(NOT_DEPLOYED)
    assert hub.deploy().error is None
    assert [op for op, _ in hub.asked] == ["packages-resolve", "converge", "packages-resolve", "converge"]
    assert [LOCK in each for each in hub.pins()] == [False, True]


def test_packages_that_do_not_go_together_change_nothing_of_the_node(hub):
    hub.refuses.append(CONFLICT)
    assert hub.deploy().error is CONFLICT
    assert [op for op, _ in hub.asked] == ["packages-resolve"]


def test_a_plan_resolves_packages_and_keeps_nothing(hub):
    for _ in range(2):
        hub.deploy(apply=False)
        assert [op for op, _ in hub.asked] == ["packages-resolve", "converge"]
        assert LOCK in hub.pins()[0]
