"""Workers of task_api on other nodes: what they get, and what the API's node and the others do not notice."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from provision.bundles import Bundle
from provision.inventory.load import parse
from provision.inventory.model import Fleet
from provision.inventory.tunnel import DerivedTunnel
from provision.node.resources import CheckedFiles, File, Firewall, Release, Resource, Rule
from provision.plan import plan
from provision.secrets.model import Generation
from provision.secrets.value import Secret
from provision.steps.context import Context, Location

TUNNEL = "task-api-broker-apis"
KEY = Generation(1, datetime(2026, 9, 1, tzinfo=UTC), "current", Secret("1" * 64))
ADDRESSES = {"apis": "203.0.113.1", "box1": "203.0.113.2", "box2": "203.0.113.3"}


def fleet_with(workers: str, more: str = "") -> Fleet:
    nodes = "".join(f"  {name}: {{size: s-1vcpu-2gb, image: debian-13-x64}}\n" for name in ("box1", "box2"))
    return parse(
        f"""\
fleet: lab
domain: lab.test
provider: local
operator: {{email: ops@lab.test}}
acme: {{server: local}}
nodes:
  apis:
    size: s-1vcpu-2gb
    image: debian-13-x64
    services: {{task_api: {{hostname: tasks, timeout: 120, workers: {workers}}}}}
{nodes}{more}""",
        "lab.yml",
    )


def resources(fleet: Fleet, node: str) -> tuple[Resource, ...]:
    context = Context(
        fleet,
        node,
        fleet.nodes[node],
        "https://acme.test/dir",
        lambda _: Bundle(sha256="ab" * 32, requirements="flask==3.1.3\n"),
        keys={f"tunnel/{TUNNEL}": (KEY,)},
        locations={name: Location(address, (address,)) for name, address in ADDRESSES.items()},
    )
    return plan(context).resources


def only(kind: type[Any], found: tuple[Resource, ...]) -> Any:
    (one,) = (resource for resource in found if isinstance(resource, kind))
    return one


def texts(found: tuple[Resource, ...]) -> dict[str, str]:
    groups = (resource.files if isinstance(resource, CheckedFiles) else (resource,) for resource in found)
    return {file.path: file.content for group in groups for file in group if isinstance(file, File)}


@pytest.fixture
def fleet() -> Fleet:
    return fleet_with("{apis: 1, box1: 4}")


def test_a_number_means_workers_on_the_apis_node_alone() -> None:
    fleet = fleet_with("3")
    assert fleet.tunnels == {}
    assert not any(isinstance(resource, Release) for resource in resources(fleet, "box1"))
    same, asked = (
        # What a plan shows of settings are those that the inventory has in the same words.
        [replace(each, shown=()) if isinstance(each, Release) else each for each in resources(either, "apis")]
        for either in (fleet_with("{apis: 3}"), fleet)
    )
    assert same == asked


def test_a_tunnel_to_the_broker_follows_from_the_workers(fleet: Fleet) -> None:
    (tunnel,) = fleet.tunnels.values()
    assert isinstance(tunnel, DerivedTunnel)
    assert list(fleet.tunnels) == [TUNNEL]
    assert (tunnel.sources, tunnel.to) == (("box1",), "apis")


def test_the_broker_is_open_to_the_workers_nodes_alone(fleet: Fleet) -> None:
    rules = only(Firewall, resources(fleet, "apis")).rules
    assert rules == (Rule(22), Rule(6390, source=ADDRESSES["box1"]), Rule(80), Rule(443))
    assert only(Firewall, resources(fleet, "box1")).rules == (Rule(22),)
    files = texts(resources(fleet, "apis"))
    assert "port 0\n" in files["/etc/redis/redis-task_api.conf"]
    assert "TARGET=/run/redis-task_api/redis.sock" in files[f"/etc/spiped/{TUNNEL}-1.env"]
    server = files[f"/etc/systemd/system/spiped-{TUNNEL}-server@.service"]
    assert "SupplementaryGroups=task_api\n" in server


def test_a_workers_node_gets_a_release_with_its_worker_and_no_api(fleet: Fleet) -> None:
    found = resources(fleet, "box1")
    release = only(Release, found)
    assert (release.web, release.workers, release.probe_socket) == ("", ("task_api-worker",), "")
    ids = [resource.id for resource in found]
    assert "unit:redis-server@task_api.service" not in ids
    assert "unit:task_api.socket" not in ids
    assert ids.index(f"unit:spiped-{TUNNEL}-client@1.service") < ids.index(release.id)
    assert ids.index("unit:nginx.service") < ids.index(release.id)


def test_its_settings_are_what_the_runtime_reads(fleet: Fleet) -> None:
    runtime = importlib.import_module("hub_runtime.task_api.settings")

    def settings(node: str) -> Any:
        return msgspec.json.decode(only(Release, resources(fleet, node)).settings, type=runtime.Settings)

    box, apis = settings("box1"), settings("apis")
    assert (box.redis_url, box.workers) == ("redis://127.0.0.1:6390/0", 4)
    assert (apis.redis_url, apis.workers) == ("unix:///run/redis-task_api/redis.sock?db=0", 1)
    assert (box.timeout, box.result_expires, box.limits) == (apis.timeout, apis.result_expires, apis.limits)


def test_it_may_reach_its_end_of_the_tunnel_and_nothing_else(fleet: Fleet) -> None:
    unit = texts(resources(fleet, "box1"))["/etc/systemd/system/task_api-worker@.service"].splitlines()
    assert {
        "IPAddressDeny=any",
        "IPAddressAllow=127.0.0.1",
        "RestrictAddressFamilies=AF_UNIX AF_INET",
    } <= set(unit)
    assert "PrivateNetwork=yes" not in unit
    own = texts(resources(fleet, "apis"))["/etc/systemd/system/task_api-worker@.service"].splitlines()
    assert {"PrivateNetwork=yes", "IPAddressDeny=any", "RestrictAddressFamilies=AF_UNIX"} <= set(own)


@pytest.mark.parametrize(("node", "side"), [("apis", "server"), ("box1", "client")])
def test_a_changed_key_waits_for_no_connection_that_workers_keep(fleet: Fleet, node: str, side: str) -> None:
    unit = texts(resources(fleet, node))[f"/etc/systemd/system/spiped-{TUNNEL}-{side}@.service"]
    assert "KillSignal=SIGINT\n" in unit


def test_a_node_more_changes_nothing_for_the_others_but_the_firewall(fleet: Fleet) -> None:
    more = fleet_with("{apis: 1, box1: 4, box2: 4}")
    assert resources(more, "box1") == resources(fleet, "box1")
    before, after = resources(fleet, "apis"), resources(more, "apis")
    assert {resource.id for resource in set(before) ^ set(after)} == {only(Firewall, after).id}
