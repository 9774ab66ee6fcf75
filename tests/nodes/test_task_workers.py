"""Workers of task_api on several nodes: work spreads, a dead node loses none of it, a new one joins in."""

import re
from collections import Counter

import pytest

from provision.errors import Exit
from tests.support.machines import power
from tests.support.network import open_ports
from tests.support.site import EXAMPLE
from tests.support.tasks import SLOW, TASK_API, Posted, processes, redis
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

PORTS = (6379, 6390, 6391)


def api(*boxes):
    workers = ", ".join(f"{name}: 1" for name in ("apis", *boxes))
    return TASK_API.replace("workers: 1", f"workers: {{{workers}}}")


def nodes(*boxes):
    return {"apis": api(*boxes), **dict.fromkeys(boxes, "{}")}


@pytest.fixture(scope="module")
def fleet(make_fleet, prepared_image):
    fleet = make_fleet(nodes("box1"), image=prepared_image)
    for node in ("apis", "box1"):
        fleet.done("create-node", node, "--no-deploy")
    fleet.done("deploy")
    yield fleet
    for node in ("apis", "box1", "box2"):
        fleet.done("destroy-node", node, "--yes")


@pytest.fixture
def site(fleet):
    return fleet.site("apis", "tasks")


def computed(fleet, posted):
    """Count the tasks by the node that ended them."""
    owners = [redis(fleet, "apis", "HGET", f"task_api:job:{task}", "owner")[0] for task in posted.tasks]
    return Counter(owner.split(":")[0].split(".")[0].removeprefix(f"{fleet.name}-") for owner in owners)


def post_some(site, nodes=2):
    """Post tasks for so many nodes: a worker holds one at a time, so each node gets some."""
    posted = Posted(site)
    posted.post(SLOW, 2 * nodes)
    return posted


def test_work_spreads_over_the_nodes(fleet, site):
    posted = post_some(site)
    posted.assert_all_right()
    assert set(computed(fleet, posted)) == {"apis", "box1"}


def test_the_broker_is_open_to_nobody_else(fleet):
    assert open_ports(fleet.address("apis"), *PORTS) == []
    assert open_ports(fleet.address("box1"), *PORTS) == []
    # Redis itself listens nowhere, not even on its own node.
    listening = fleet.ssh("apis", "ss", "-Hltnp")
    assert "redis" not in listening
    assert ":6379" not in listening


def test_a_worker_node_opens_ssh_alone_and_has_no_api(fleet):
    assert open_ports(fleet.address("box1"), 22, 80, 443) == [22]
    running = processes(fleet, "box1")
    assert not {"task_api", "redis-server@task_api"} & set(running)
    assert running["task_api-worker"]["active"] == "active"


def test_a_remote_worker_is_sandboxed_and_reaches_nothing_but_the_tunnel(fleet):
    unit = processes(fleet, "box1")["task_api-worker"]["unit"]
    report = fleet.ssh("box1", "systemd-analyze", "security", "--no-pager", unit)
    assert float(report.rpartition("exposure level for ")[2].split(": ")[1].split()[0]) <= 2.5
    allowed = fleet.ssh("box1", "systemctl", "show", "--property=IPAddressAllow,IPAddressDeny", unit)
    assert {"IPAddressAllow=127.0.0.1/32"} < set(allowed.splitlines())
    assert all(
        f"{everything}/0" in allowed.partition("IPAddressDeny=")[2] for everything in ("0.0.0.0", "::")
    )


def test_a_second_deploy_changes_nothing(fleet):
    assert fleet.done("deploy").stdout.count(" 0 changed") == 2


def test_a_node_added_takes_work_without_a_restart_elsewhere(fleet, site):
    before = {node: worker_pid(fleet, node) for node in ("apis", "box1")}
    fleet.write(nodes("box1", "box2"))
    fleet.done("create-node", "box2", "--no-deploy")
    fleet.done("deploy")
    posted = post_some(site, nodes=3)
    posted.assert_all_right()
    assert set(computed(fleet, posted)) == {"apis", "box1", "box2"}
    assert {node: worker_pid(fleet, node) for node in before} == before


def worker_pid(fleet, node):
    return processes(fleet, node)["task_api-worker"]["pid"]


def test_a_node_that_dies_loses_no_task_and_works_again_when_it_is_back(fleet, site):
    posted = post_some(site, nodes=3)
    eventually(lambda: "box1" in running_on(fleet, posted), pause=0.1)
    power(fleet, "box1", "power_off")
    posted.post(EXAMPLE, 3)
    posted.assert_all_right()
    eventually(
        lambda: worker_hosts(fleet) == {"apis", "box2"}
    )  # what it said of itself while it lived is forgotten
    power(fleet, "box1", "power_on")
    eventually(lambda: worker_hosts(fleet) == {"apis", "box1", "box2"}, seconds=120)
    again = post_some(site, nodes=4)
    again.assert_all_right()
    assert "box1" in computed(fleet, again)


def running_on(fleet, posted):
    running = redis(fleet, "apis", "ZRANGE", "task_api:running", "0", "-1")
    owners = [redis(fleet, "apis", "HGET", f"task_api:job:{task}", "owner")[0] for task in running]
    return {owner.split(":")[0] for owner in owners}


def worker_hosts(fleet):
    keys = redis(fleet, "apis", "KEYS", "task_api:worker:*")
    return {key.split(":")[2] for key in keys}


def test_the_brokers_key_is_rotated_and_no_task_is_lost(fleet, site):
    posted = post_some(site)
    fleet.done("rotate-key", "tunnel/task-api-broker-apis")
    posted.post(SLOW, 2)
    posted.assert_all_right()
    assert set(re.findall(r"(\d+) changed", fleet.done("deploy").stdout)) == {"0"}


def test_a_node_taken_out_finishes_what_it_holds_and_computes_no_more(fleet, site):
    posted = post_some(site, nodes=3)
    eventually(lambda: "box2" in running_on(fleet, posted), pause=0.1)
    fleet.write({**nodes("box1"), "box2": "{}"})
    done = fleet.done("deploy", "--json")
    changed = [
        event["node"] for event in done.events if event.get("detail", {}).get("id") == "retired:task_api"
    ]
    assert set(changed) == {"box2"}
    posted.assert_all_right()
    again = post_some(site)
    again.assert_all_right()
    assert set(computed(fleet, again)) == {"apis", "box1"}
    assert (
        fleet.ssh("box2", "systemctl", "list-units", "--plain", "--no-legend", "task_api*", "spiped*") == ""
    )
    assert open_ports(fleet.address("apis"), *PORTS) == []


def test_a_service_taken_out_ends_and_comes_back_with_its_queue(fleet, site):
    kept = post_some(site, nodes=1)
    kept.assert_all_right()
    fleet.write({"apis": "{}", "box1": "{}", "box2": "{}"})
    assert fleet.hubctl("plan", "apis").status == Exit.CHANGES
    fleet.done("deploy")
    assert open_ports(fleet.address("apis"), 22, 80, 443) == [22]
    assert fleet.ssh("apis", "sh", "-c", "ls /etc/systemd/system | grep ^task_api; true") == ""
    assert "inactive" in fleet.ssh("apis", "systemctl", "is-active", "redis-server@task_api", check=False)
    assert fleet.done("deploy").stdout.count(" 0 changed") == 3
    fleet.write({**nodes("box1"), "box2": "{}"})
    fleet.done("deploy")
    kept.assert_all_right()
    posted = post_some(site)
    posted.assert_all_right()
    assert set(computed(fleet, posted)) == {"apis", "box1"}
