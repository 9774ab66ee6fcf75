"""What a node gets, to the letter: after a wanted change, `UPDATE_GOLDEN=1 pytest tests/golden` writes it anew."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision import render
from provision.actions.sheet import page
from provision.actions.users import Person
from provision.bundles import Bundle
from provision.inventory.model import Fleet, Node, Operator, Services
from provision.inventory.services.dashboard import Dashboard
from provision.inventory.services.jupyterhub import JupyterHub, Material
from provision.inventory.services.notebook_api import NotebookApi
from provision.inventory.services.proxy import Proxy
from provision.inventory.services.task_api import TaskApi
from provision.inventory.tunnel import Tunnel
from provision.node.manifest import load_all
from provision.node.resources import CheckedFiles, File, Release
from provision.plan import Plan, plan
from provision.secrets.model import Generation
from provision.secrets.value import Secret
from provision.steps.context import Context, Location

GOLDEN = Path(__file__).parent / "templates"
SETTINGS = "/opt/hub/task_api/settings.json"
PROGRAM = '{"packages": {"": {"name": "proxy"}}}\n'
COURSE = Material(repo="https://git.example.org/course", ref="main", to="course")
APACHE = ("apache", "hubctl-tunnels")
MADE = datetime(2026, 9, 1, tzinfo=UTC)


def _fleet() -> Fleet:
    api = TaskApi(
        hostname="tasks", www=True, workers=3, timeout=120, cors_origins=("https://lab.example.org",)
    )
    site = Proxy(hostname="demos", tunnel="dti", timeout=300, max_body_mb=50)
    services = {
        "apis": Services(task_api=api),
        "front": Services(proxy=site),
        "gpu": Services(task_api=TaskApi()),
        "hub": Services(
            jupyterhub=JupyterHub(hostname="hub", disk="2G", subdomains=True, materials=(COURSE,)),
            dashboard=Dashboard(),
        ),
        "apache": Services(
            task_api=api,
            proxy=site,
            jupyterhub=JupyterHub(hostname="class", subdomains=True, materials=(COURSE,)),
            dashboard=Dashboard(),
        ),
        "lab": Services(notebook_api=NotebookApi(hostname="lab", cors_origins=("https://lab.example.org",))),
    }
    return Fleet(
        fleet="golden",
        domain="example.org",
        provider="digitalocean",
        operator=Operator(email="ops@example.org"),
        nodes={
            name: Node(
                size="small",
                image="debian-13-x64",
                services=services[name],
                webserver="apache" if name == "apache" else "nginx",
            )
            for name in services
        },
        tunnels={"dti": Tunnel(from_=("front", "apache"), to="gpu", service="task_api", listen=8080)},
    )


def _plan(name: str) -> Plan:
    fleet = _fleet()
    # In the middle of a rotation: both generations are in place.
    keys = (
        Generation(1, MADE, "current", Secret("1" * 64)),
        Generation(2, MADE, "next", Secret("2" * 64)),
    )
    return plan(
        Context(
            fleet,
            name,
            fleet.nodes[name],
            "https://acme.example.org/directory",
            lambda _: Bundle(sha256="0" * 64, requirements="flask==3.1.3\n"),
            keys={"tunnel/dti": keys},
            locations={
                "front": Location("203.0.113.1", ("203.0.113.1", "2001:db8::1")),
                "gpu": Location("203.0.113.2", ("203.0.113.2", "2001:db8::2")),
            },
            lock=lambda name: PROGRAM if name.endswith(".json") else "jupyterhub==6.1.1\n",
        )
    )


def _files(node: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for resource in _plan(node).resources:
        if isinstance(resource, Release):
            files[SETTINGS] = resource.settings
        for file in resource.files if isinstance(resource, CheckedFiles) else (resource,):
            if isinstance(file, File):
                files[file.path] = file.content
    return files


def _all_files() -> dict[str, str]:
    """Return everything that the node `apis` gets, and what other nodes have besides."""
    usual = _files("apis")
    ends = {
        f"/{node}{path}": text
        for node in ("front", "gpu", "hub", "lab")
        for path, text in _files(node).items()
        if usual.get(path) != text and path != SETTINGS and "task_api" not in path
    }
    apache = {
        f"/apache{path}": text for path, text in _files("apache").items() if any(map(path.count, APACHE))
    }
    return {**usual, **ends, **apache}


@pytest.mark.parametrize("node", sorted(_fleet().nodes))
def test_the_engine_understands_the_plan_of_a_node(node: str) -> None:
    found = _plan(node)
    assert load_all(found.as_list()) == list(found.resources)


FILES = _all_files()
KEYS = {path for path in FILES if path.endswith(".key")}


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_node_gets_exactly_this_file(path: str) -> None:
    golden = GOLDEN / path.lstrip("/")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(FILES[path])
    assert FILES[path] == golden.read_text()


def test_no_golden_file_is_left_over() -> None:
    golden = {f"/{path.relative_to(GOLDEN)}" for path in GOLDEN.rglob("*") if path.is_file()}
    assert golden == set(FILES)


def _sheet() -> str:
    people = [Person("ann", Secret("tamu-rito-keba-nosi")), Person("bob", Secret("<a & b>"), made=False)]
    return page(people, "https://hub.example.org", "hub.example.org")


def test_a_class_gets_exactly_these_cards() -> None:
    golden = GOLDEN.with_name("sheet.html")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(_sheet())
    assert _sheet() == golden.read_text()


def test_every_template_is_in_use() -> None:
    _all_files()
    _sheet()
    cache = render._environment().cache
    assert cache is not None
    used = {name for _, name in cache}
    there = {
        str(path.relative_to(render.TEMPLATES)) for path in render.TEMPLATES.rglob("*") if path.is_file()
    }
    assert there == used


@pytest.mark.parametrize("path", sorted(path for path in set(FILES) - KEYS if not path.endswith(".json")))
def test_every_file_says_who_made_it(path: str) -> None:
    assert "Made by hubctl; " in FILES[path]
    assert FILES[path].endswith("\n")
    assert not any(line.endswith((" ", "\t")) for line in FILES[path].splitlines())
