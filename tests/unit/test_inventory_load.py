"""Reading inventories: what is valid comes out typed, what is no inventory is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import HubErrors
from provision.inventory import source
from provision.inventory.load import load, parse
from provision.inventory.model import Acme, Fleet, Node, Operator, Services
from provision.inventory.services.task_api import TaskApi

DEMO = Path(__file__).parents[2] / "inventories" / "demo.yml"
HEAD = """\
fleet: demo
domain: demo.test
provider: local
operator: {email: ops@demo.test}
acme: {server: local}
"""


def mistakes(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(HubErrors) as caught:
        parse(text, "hubctl.yml")
    return [(e.code, e.where.line, e.where.column) for e in caught.value.errors if e.where]


def test_the_demo_inventory_is_what_it_says() -> None:
    assert load(DEMO) == Fleet(
        fleet="demo",
        domain="demo.test",
        provider="local",
        operator=Operator(email="ops@demo.test"),
        acme=Acme(server="local"),
        sizes={"small": "s-1vcpu-2gb", "medium": "s-2vcpu-4gb", "large": "s-4vcpu-8gb"},
        nodes={
            "apis": Node(
                size="small",
                image="debian-13-x64",
                services=Services(
                    task_api=TaskApi(hostname="tasks", workers=1, timeout=90, result_expires=300)
                ),
            )
        },
    )


def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    fleet = parse(
        HEAD
        + """\
nodes:
  one: &node
    size: s-1vcpu-2gb
    image: debian-13-x64
  two:
    <<: *node
    size: s-2vcpu-4gb
  three:
    <<: [{size: c-2}, *node]
""",
        "hubctl.yml",
    )
    assert {name: (node.size, node.image) for name, node in fleet.nodes.items()} == {
        "one": ("s-1vcpu-2gb", "debian-13-x64"),
        "two": ("s-2vcpu-4gb", "debian-13-x64"),
        "three": ("c-2", "debian-13-x64"),
    }


def test_a_mistake_that_aliases_repeat_is_told_once() -> None:
    nodes = "nodes:\n  one: &node {size: c-2, image: debian-13-x64, ipv6: 1}\n  two: *node\n  three: *node\n"
    assert mistakes(HEAD + nodes) == [("wrong-type", 7, 54)]


def test_a_service_may_have_its_nodes_own_name_and_the_domain_itself() -> None:
    fleet = parse(
        HEAD
        + """\
nodes:
  tasks: {size: c-2, image: debian-13-x64, services: {task_api: {hostname: tasks}}}
  front: {size: c-2, image: debian-13-x64, services: {task_api: {hostname: "@", www: on}}}
""",
        "hubctl.yml",
    )
    front = fleet.nodes["front"].services.task_api
    assert front == TaskApi(hostname="@", www=True)
    assert fleet.fqdn("@") == "demo.test"


def test_the_providers_sizes_can_be_named_directly() -> None:
    slugs = [
        *("s-1vcpu-2gb", "s-2vcpu-4gb-amd", "s-1vcpu-512mb-10gb", "c-2", "c2-2vcpu-4gb", "g-2vcpu-8gb"),
        *("m3-8vcpu-64gb", "so1_5-2vcpu-16gb", "gd-40vcpu-160gb", "gpu-h100x1-80gb", "512mb"),
    ]
    nodes = "".join(f"  node{n}: {{size: {slug}, image: debian-13-x64}}\n" for n, slug in enumerate(slugs))
    fleet = parse(f"{HEAD}nodes:\n{nodes}", "hubctl.yml")
    assert [node.size for node in fleet.nodes.values()] == slugs


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "hubctl.yml"
    path.write_bytes(b"\xef\xbb\xbf" + DEMO.read_bytes().replace(b"\n", b"\r\n"))
    assert load(path) == load(DEMO)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(HubErrors) as caught:
        load(tmp_path / "none.yml")
    (error,) = caught.value.errors
    assert error.code == "inventory-missing"
    assert "--inventory" in error.hint


def test_a_folder_is_no_inventory(tmp_path: Path) -> None:
    with pytest.raises(HubErrors) as caught:
        load(tmp_path)
    assert caught.value.errors[0].code == "inventory-unreadable"


def test_latin_1_is_refused_at_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "hubctl.yml"
    path.write_bytes("fleet: demo\n# für\n".encode("latin-1"))
    with pytest.raises(HubErrors) as caught:
        load(path)
    (error,) = caught.value.errors
    assert error.code == "inventory-encoding"
    assert error.where is not None
    assert (error.where.line, error.where.column) == (2, 4)
    assert "0xfc" in error.why


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hubctl.yml"
    path.write_text("#" * (source.MAX_BYTES + 1))
    with pytest.raises(HubErrors) as caught:
        load(path)
    assert caught.value.errors[0].code == "inventory-too-large"


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 200_000])
def test_nesting_beyond_measure_is_refused(text: str) -> None:
    assert [code for code, _, _ in mistakes(text)] == ["yaml-depth"]


def test_an_inventory_in_text_that_ends_in_a_newline_is_no_name() -> None:
    assert mistakes(
        HEAD.replace("fleet: demo", 'fleet: "demo\\n"') + "nodes:\n  a: {size: c-2, image: x}\n"
    ) == [("bad-value", 1, 8)]


def test_a_number_of_any_length_is_only_out_of_range() -> None:
    node = f"nodes:\n  a: {{size: c-2, image: x, services: {{task_api: {{hostname: a, workers: {'9' * 90}}}}}}}\n"
    assert [code for code, _, _ in mistakes(HEAD + node)] == ["out-of-range"]


@settings(deadline=None)  # a busy computer is no mistake
@given(st.text(max_size=200))
def test_no_text_makes_anything_but_a_list_of_mistakes(text: str) -> None:
    assert mistakes(text)


@settings(deadline=None)  # a busy computer is no mistake
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
)
def test_no_value_of_a_key_makes_anything_but_mistakes(value: object) -> None:
    keys = ("fleet", "domain", "operator", "acme", "region", "sizes", "nodes")
    for key in keys:
        assert mistakes(yaml.safe_dump({key: value}))


@pytest.mark.parametrize(
    "name", ["tab", "duplicate-key", "unknown-key", "same-hostname", "syntax-at-sign", "documents"]
)
def test_pythons_own_yaml_parser_tells_the_same_places(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "golden" / "inventory" / f"{name}.yml").read_text()
    by_libyaml = mistakes(text)
    monkeypatch.setattr(source, "_LOADER", yaml.SafeLoader)
    assert mistakes(text) == by_libyaml


def test_a_hundred_nodes_are_read_without_a_wait() -> None:
    nodes = "".join(
        f"  node{n}: {{size: c-2, image: debian-13-x64, services: {{task_api: {{hostname: tasks{n}, workers: 4}}}}}}\n"
        for n in range(100)
    )
    start = time.process_time()
    fleet = parse(f"{HEAD}nodes:\n{nodes}", "hubctl.yml")
    assert len(fleet.nodes) == 100
    assert (
        time.process_time() - start < 5
    )  # 20 ms where it was written; far off only if it grows with the square
