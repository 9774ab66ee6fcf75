"""notebook_api in a plan: the notebook beside the inventory is part of its release."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from provision.bundles import bundle
from provision.errors import Exit, HubError
from provision.inventory import notebooks
from provision.inventory.model import Fleet, Node, Operator, Services
from provision.inventory.services.notebook_api import NotebookApi
from provision.node.resources import CheckedFiles, File, Release
from provision.plan import plan
from provision.steps.context import Context

HELLO = "# GET /hello\nprint('hello')"


def cell(source: Any, **more: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        **more,
    }


def saved(folder: Path, *cells: dict[str, Any]) -> Path:
    path = folder / "lab.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return folder / "inventory.yml"


def context(notebook: str, **keys: Any) -> Context:
    service = NotebookApi(hostname="lab", notebook="course/lab.ipynb", **keys)
    node = Node(size="small", image="debian-13-x64", services=Services(notebook_api=service))
    fleet = Fleet(
        fleet="f",
        domain="lab.test",
        provider="digitalocean",
        operator=Operator(email="ops@lab.test"),
        nodes={"lab": node},
    )
    return Context(fleet, "lab", node, "https://ca.test/dir", bundle, notebook=notebook)


def release(ctx: Context) -> Release:
    (found,) = (each for each in plan(ctx).resources if isinstance(each, Release))
    return found


def test_running_a_notebook_in_an_editor_releases_nothing_and_changing_it_does(tmp_path: Path) -> None:
    service = NotebookApi(notebook="lab.ipynb")
    text = notebooks.read(saved(tmp_path, cell(HELLO)), service)
    outputs = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
    run = cell(HELLO.splitlines(keepends=True), outputs=outputs, execution_count=7, id="a")
    words = {"cell_type": "markdown", "metadata": {}, "source": "words"}
    assert notebooks.read(saved(tmp_path, words, run), service) == text
    changed = notebooks.read(saved(tmp_path, cell(HELLO + "\n")), service)
    assert release(context(text)).release != release(context(changed)).release


def test_tags_are_kept_and_the_bundled_notebook_is_no_file(tmp_path: Path) -> None:
    inventory = saved(tmp_path, cell("1", metadata={"tags": ["test"], "collapsed": True}))
    kept = json.loads(notebooks.read(inventory, NotebookApi(notebook="lab.ipynb")))
    assert kept["cells"][0]["metadata"] == {"tags": ["test"]}
    assert notebooks.read(inventory, NotebookApi()) == ""
    assert notebooks.read(inventory, None) == ""


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', "[" * 9999]
)
def test_what_is_no_notebook_is_said_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.ipynb").write_text(text)
    with pytest.raises(HubError) as error:
        notebooks.read(tmp_path / "inventory.yml", NotebookApi(notebook="lab.ipynb"))
    assert (error.value.code, error.value.exit_code) == ("notebook-unreadable", Exit.INVENTORY)
    assert str(tmp_path / "lab.ipynb") in error.value.message


def test_a_notebook_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"lab\.ipynb cannot be served") as error:
        notebooks.read(tmp_path / "inventory.yml", NotebookApi(notebook="lab.ipynb"))
    assert error.value.why == "No such file or directory"


def test_the_settings_are_what_the_runtime_reads(tmp_path: Path) -> None:
    runtime = importlib.import_module("hub_runtime.notebook_api.settings")
    ctx = context("{}", kernels=3, timeout=90, request_bytes=5000, cors_origins=("https://a.test",))
    settings = msgspec.json.decode(release(ctx).settings, type=runtime.Settings)
    assert (settings.notebook, settings.text) == ("lab.ipynb", "{}")
    assert (settings.kernels, settings.timeout, settings.body_bytes) == (3, 90, 5000)
    assert settings.cors_origins == ("https://a.test",)
    assert settings.token is None


def test_the_web_server_waits_longer_than_the_service_answers_late() -> None:
    files = {
        file.path: file.content
        for resource in plan(context("", timeout=90, request_bytes=5000)).resources
        for file in (resource.files if isinstance(resource, CheckedFiles) else (resource,))
        if isinstance(file, File)
    }
    site = files["/etc/nginx/sites-enabled/notebook_api.conf"]
    assert "client_max_body_size 5000;" in site
    assert "proxy_read_timeout 100s;" in site
