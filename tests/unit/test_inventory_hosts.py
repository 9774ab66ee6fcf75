"""Nodes by name, and the host names they answer to."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Exit, HubError, HubErrors
from provision.inventory.hosts import node_hostnames, node_named, options_of, proven_on_node
from provision.inventory.load import load, parse
from provision.inventory.model import Node, Services
from provision.inventory.services.jupyterhub import JupyterHub
from provision.inventory.services.task_api import TaskApi

DEMO = Path(__file__).parents[2] / "inventories" / "demo.yml"
NODE = Node(size="small", image="debian-13-x64")


def test_an_unknown_node_shows_the_lines_that_add_it_and_the_nearest_name() -> None:
    with pytest.raises(HubError) as caught:
        node_named(load(DEMO), "apisx", Path("inventories/demo.yml"))
    error = caught.value
    assert (error.code, error.exit_code) == ("unknown-node", Exit.INVENTORY)
    assert error.why == "the nodes are: apis"
    assert "did you mean `apis`?" in error.hint
    assert "inventories/demo.yml" in error.hint
    assert "  apisx:\n" in error.hint


def test_the_lines_shown_for_an_unknown_node_make_it_known() -> None:
    fleet, path = load(DEMO), Path("demo.yml")
    with pytest.raises(HubError) as caught:
        node_named(fleet, "front", path)
    lines = caught.value.hint.partition(":\n")[2]
    extended = parse(f"{DEMO.read_text().rstrip()}\n{lines}\n", "demo.yml")
    assert node_named(extended, "front", path).image == "debian-13-x64"


def test_a_name_that_no_node_can_have_is_told_instead_of_shown_as_lines() -> None:
    with pytest.raises(HubError) as caught:
        node_named(load(DEMO), "My Node: {", Path("demo.yml"))
    assert "put these lines" not in caught.value.hint
    assert "DNS label" in caught.value.hint


def test_a_node_has_only_the_services_it_names() -> None:
    service = TaskApi(hostname="tasks")
    assert NODE.services.present() == {}
    assert Services(task_api=service).present() == {"task_api": service}


@pytest.mark.parametrize(
    ("hostname", "service", "names"),
    [
        (None, TaskApi(hostname="tasks"), ["apis.demo.test", "tasks.demo.test"]),
        ("box", TaskApi(hostname="@", www=True), ["box.demo.test", "demo.test", "www.demo.test"]),
        (None, TaskApi(hostname="apis", www=True), ["apis.demo.test", "www.apis.demo.test"]),
    ],
)
def test_a_node_answers_to_its_own_name_and_its_services(
    hostname: str | None, service: TaskApi, names: list[str]
) -> None:
    node = Node(size="small", image="x", hostname=hostname, services=Services(task_api=service))
    assert node_hostnames(load(DEMO), "apis", node) == names


def test_a_hub_with_subdomains_answers_to_all_names_below_and_proves_them_itself() -> None:
    hub = JupyterHub(hostname="hub", subdomains=True)
    names = node_hostnames(
        load(DEMO), "apis", Node(size="small", image="x", services=Services(jupyterhub=hub))
    )
    assert names == ["apis.demo.test", "hub.demo.test", "*.hub.demo.test"]
    assert proven_on_node(names) == {"_acme-challenge.hub.demo.test": "hub.demo.test"}


TWO = """\
fleet: demo
domain: demo.test
provider: local
operator: {email: ops@demo.test}
acme: {server: local}
nodes:
  apis: {size: s-1vcpu-2gb, image: debian-13-x64, services: {}}
  box: {size: s-1vcpu-2gb, image: debian-13-x64, services: {}}
"""


def test_options_replace_what_the_inventory_says_and_none_keeps_it() -> None:
    options = options_of("box", {"size": "c-2", "image": None, "hostname": "other", "region": None})
    fleet = parse(TWO, "demo.yml", options)
    assert fleet.nodes["box"] == Node(size="c-2", image="debian-13-x64", hostname="other")
    assert fleet.nodes["apis"] == parse(TWO, "demo.yml").nodes["apis"]


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("hostname", "apis", "duplicate-hostname"),
        ("image", "debian-11-x64", "unfit-image"),
        ("image", "fedora-43-x64", "unfit-image"),
        ("size", "gigantic", "unknown-size"),
    ],
)
def test_options_keep_to_the_inventorys_rules_and_name_the_node(option: str, value: str, code: str) -> None:
    with pytest.raises(HubErrors) as caught:
        parse(TWO, "demo.yml", options_of("box", {option: value}))
    (error,) = caught.value.errors
    assert (error.code, error.exit_code) == (code, Exit.INVENTORY)
    assert error.where is not None
    assert error.where.line == 8


@pytest.mark.parametrize(
    ("option", "value"), [("hostname", "a b"), ("hostname", "a\n"), ("size", ""), ("region", "é")]
)
def test_an_option_must_be_what_the_inventory_allows(option: str, value: str) -> None:
    with pytest.raises(HubError) as caught:
        options_of("box", {option: value})
    assert (caught.value.code, caught.value.exit_code) == ("bad-option", Exit.USAGE)
    assert f"--{option}" in caught.value.message


def test_what_is_proposed_for_a_host_name_is_without_the_domain() -> None:
    with pytest.raises(HubError) as caught:
        options_of("box", {"hostname": "tasks.Demo.TEST"}, "demo.test")
    assert caught.value.hint == "did you mean `tasks`?"
