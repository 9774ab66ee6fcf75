"""docs/extending.md is right: who follows its example gets a service, and touches just the files that it names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.example import ROOT, copy_tree, follow, named_files

INVENTORY = """\
fleet: lab
domain: lab.test
provider: local
operator: {email: ops@lab.test}
acme: {server: local}
nodes:
  web: {size: s-1vcpu-1gb, image: debian-13-x64, services: {hello: {hostname: hi, greeting: Good day}}}
  away: {size: s-1vcpu-1gb, image: debian-13-x64}
"""
SHOW = """
import json, sys
from pathlib import Path
from provision.bundles import bundle
from provision.inventory.load import load
from provision.inventory.schema import json_schema
from provision.plan import plan
from provision.services import secrets_of
from provision.steps.context import Context
fleet = load(Path(sys.argv[1]))
def ids(name):
    return [each.id for each in plan(Context(fleet, name, fleet.nodes[name], "https://ca.test/dir", bundle)).resources]
print(json.dumps({
    "web": ids("web"), "away": ids("away"), "secrets": secrets_of(fleet.nodes["web"]),
    "schema": sorted(json_schema()["$defs"]["Services"]["properties"]), "task_api": bundle("task_api").sha256,
}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def touched(tree: Path) -> set[str]:
    return follow(tree)


def shown(tree: Path, folder: Path) -> dict:
    inventory = folder / "lab.yml"
    inventory.write_text(INVENTORY)
    done = subprocess.run(
        [sys.executable, "-c", SHOW, str(inventory)], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_touches_the_files_that_the_table_names_and_no_others(touched: set[str]) -> None:
    named = named_files()
    assert {name for name in touched if not any(name.startswith(folder) for folder in named)} == set()
    assert {name for name in named if not any(path.startswith(name) for path in touched)} == set()
    assert {path for path in touched if (ROOT / path).exists()} == {
        "provision/inventory/model.py",
        "provision/services/__init__.py",
    }


def test_it_is_a_service_like_every_other(tree: Path, touched: set[str], tmp_path: Path) -> None:
    found = shown(tree, tmp_path)
    wanted = {
        "user:hello",
        "unit:hello.socket",
        "release:hello",
        "unit:redis-server@hello.service",
        "certificate:hi.lab.test",
    }
    assert wanted <= set(found["web"])
    assert "retired:task_api" in found["web"]
    assert {"retired:hello", "retired:task_api"} <= set(found["away"])
    assert found["secrets"] == ["service/hello"]
    assert found["schema"] == ["dashboard", "hello", "jupyterhub", "notebook_api", "proxy", "task_api"]


def test_it_releases_no_other_service(tree: Path, touched: set[str], tmp_path: Path) -> None:
    from provision.bundles import bundle

    assert shown(tree, tmp_path)["task_api"] == bundle("task_api").sha256


def test_it_is_written_in_the_projects_style(tree: Path, touched: set[str]) -> None:
    own = [str(tree / path) for path in touched if path.endswith(".py")]
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, *own], capture_output=True, text=True, cwd=tree
        )
        assert done.returncode == 0, done.stdout
