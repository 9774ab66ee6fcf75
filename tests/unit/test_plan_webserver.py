"""A node's web server in its plan: one answers, and the other goes."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pytest
from msgspec.structs import replace

from provision.inventory.load import load
from provision.node.resources import CheckedFiles, File, Former, Packages, Resource
from provision.plan import plan
from provision.steps.context import Context
from tests.unit.conftest import ROOT, bundle

Name = Literal["nginx", "apache"]
UNITS = {"nginx": "unit:nginx.service", "apache": "unit:apache2.service"}


def resources(webserver: Name) -> tuple[Resource, ...]:
    fleet = load(ROOT / "inventories" / "demo.yml")
    ctx = Context(fleet, "apis", fleet.nodes["apis"], "https://acme.test/dir", bundle)
    node = replace(ctx.node, webserver=webserver)
    return plan(dataclasses.replace(ctx, node=node)).resources


def written(found: tuple[Resource, ...]) -> set[str]:
    files = [each.files if isinstance(each, CheckedFiles) else (each,) for each in found]
    return {file.path for group in files for file in group if isinstance(file, File)}


@pytest.mark.parametrize(("here", "other"), [("nginx", "apache"), ("apache", "nginx")])
def test_the_other_server_stops_when_this_one_is_ready_to_start(here: Name, other: Name) -> None:
    ids = [each.id for each in resources(here)]
    assert ids.index(f"former:{other}") == ids.index(UNITS[here]) - 1
    assert ids.index(f"checked-files:{here}") < ids.index(f"former:{other}")
    assert not {f"checked-files:{other}", UNITS[other], f"former:{here}"} & set(ids)


@pytest.mark.parametrize(("here", "other"), [("nginx", "apache"), ("apache", "nginx")])
def test_what_one_server_has_of_ours_the_other_takes_away(here: Name, other: Name) -> None:
    (former,) = (each for each in resources(here) if isinstance(each, Former))
    gone = set(former.paths())
    only = written(resources(other)) - written(resources(here))
    assert only
    assert only <= gone
    assert not gone & written(resources(here))


@pytest.mark.parametrize(("here", "package"), [("nginx", "nginx"), ("apache", "apache2")])
def test_a_node_gets_the_package_of_its_own_server_alone(here: Name, package: str) -> None:
    (packages,) = (each for each in resources(here) if isinstance(each, Packages))
    assert {"nginx", "apache2"} & set(packages.names) == {package}
