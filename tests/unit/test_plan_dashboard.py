"""A dashboard's plan: its token stays a secret, and without it a hub knows nothing of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import msgspec
import pytest

from provision.actions.status import questions_to
from provision.bundles import Bundle
from provision.inventory.load import load
from provision.inventory.model import Node
from provision.node.resources import Absent, CheckedFiles, File, Release, Resource, Unit
from provision.plan import plan
from provision.secrets.model import Generation
from provision.secrets.value import Secret
from provision.steps.context import Context

FLEET = load(Path(__file__).parents[2] / "inventories" / "all.yml")
TOKEN = "5" * 64


def resources(node: Node) -> list[Resource]:
    fleet = msgspec.structs.replace(FLEET, nodes={**FLEET.nodes, "class": node})
    keys = {"service/dashboard": (Generation(1, datetime(2026, 9, 1, tzinfo=UTC), "current", Secret(TOKEN)),)}
    bundle = Bundle(sha256="ab" * 32, requirements="flask==3.1.3\n")
    ctx = Context(fleet, "class", node, "https://acme.test/dir", lambda _: bundle, keys=keys)
    return list(plan(ctx).resources)


@pytest.fixture
def beside() -> list[Resource]:
    """The node that has a hub and its dashboard."""
    return resources(FLEET.nodes["class"])


@pytest.fixture
def alone() -> list[Resource]:
    """The same node with the hub alone."""
    node = FLEET.nodes["class"]
    return resources(
        msgspec.structs.replace(node, services=msgspec.structs.replace(node.services, dashboard=None))
    )


def files(of: list[Resource]) -> list[File]:
    inner = [file for group in of if isinstance(group, CheckedFiles) for file in group.files]
    return [file for file in [*of, *inner] if isinstance(file, File)]


def test_the_token_is_in_secrets_alone(beside: list[Resource]) -> None:
    (key,) = [file for file in files(beside) if TOKEN in file.content]
    assert (key.path, key.secret, key.mode) == ("/etc/jupyterhub/dashboard.key", True, 0o600)
    (release,) = [each for each in beside if isinstance(each, Release)]
    assert TOKEN in release.settings
    assert "token" not in release.shown


def test_the_status_asks_how_it_is() -> None:
    asked = questions_to(FLEET.nodes["class"])["dashboard"]
    assert (asked["host"], asked["port"]) == ("127.0.0.1", 8010)


def test_who_hears_passwords_listens_at_ports_that_no_user_can_have(beside: list[Resource]) -> None:
    texts = {file.path: file.content for file in files(beside)}
    hub = json.loads(texts["/etc/jupyterhub/settings.json"])["hub_itself"]
    (page,) = re.findall(r'"url": "(http://127\.0\.0\.1:\d+)"', texts["/etc/jupyterhub/jupyterhub_config.py"])
    for address in (hub, page):
        assert 0 < (urlsplit(address).port or 0) < 1024
    assert any(f" {hub.removeprefix('http://')}\n" in text for text in texts.values())  # the door leads there


def test_a_hub_alone_knows_of_no_dashboard(alone: list[Resource]) -> None:
    gone = {each.path for each in alone if isinstance(each, Absent)}
    assert {"/etc/jupyterhub/dashboard.key", "/etc/jupyter/jupyter_server_config.py"} <= gone
    (site,) = [file for file in files(alone) if file.path.endswith("sites-enabled/jupyterhub.conf")]
    assert "dashboard" not in site.content
    assert "8010" not in site.content


def test_whatever_file_restarts_the_hub_goes_back_with_its_edition_but_for_the_token(
    beside: list[Resource],
) -> None:
    (edition,) = [file for file in files(beside) if file.path == "/etc/jupyterhub/edition.py"]
    (hub,) = [each for each in beside if isinstance(each, Unit) and each.name == "jupyterhub.service"]
    folder = "file:/etc/jupyterhub/"
    causes = {cause.removeprefix(folder) for cause in hub.restart_on if cause.startswith(folder)}
    module = ModuleType("edition")
    exec(compile(edition.content, edition.path, "exec"), module.__dict__)
    assert {*module.FILES, "dashboard.key"} == causes
