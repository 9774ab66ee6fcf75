"""Notebooks written for Kernel Gateway's notebook-http mode get the answers that it gives, which were recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent.parent / "data" / "notebook_api"
RECORDED = json.loads((DATA / "kernel_gateway.json").read_text())["answers"]
JSON = "application/json"


def name(recorded: Any) -> str:
    request = recorded["request"]
    return f"{request['method']} {request['path']} {request.get('body', '')[:20]!r}"


@pytest.fixture(scope="module")
def api(serve: Any) -> Any:
    served = serve((DATA / "format.ipynb").read_text())
    served.notebook.rename(served.notebook.with_name("format.ipynb"))
    settings = json.loads(served._settings.read_text())
    served._settings.write_text(json.dumps({**settings, "notebook": str(served.folder / "format.ipynb")}))
    served.start()
    return served


@pytest.mark.parametrize("recorded", RECORDED, ids=name)
def test_the_answer_is_kernel_gateways(api: Any, recorded: Any) -> None:
    """In their order: what one request changes the next one sees."""
    request, expected = recorded["request"], recorded["answer"]
    found = api.ask(request["method"], request["path"], request.get("body"), request.get("headers"))
    if request.get("headers", {}).get("Content-Type") == "application/json; charset=utf-8":
        assert found.json == json.loads(request["body"])  # Kernel Gateway takes it for text
        return
    if expected["status"] == 200 and request["path"] == "/wrong/info":
        expected = {"status": 500}  # Kernel Gateway answers 200 with nothing
    assert found.status == expected["status"]
    if found.status in (404, 405, 500):
        assert found.headers["Content-Type"] == JSON  # Kernel Gateway's text of an exception, or nothing
        assert request["method"] == "HEAD" or {"reason", "message"} <= set(found.json)
    elif expected["headers"].get("Content-Type") == JSON and "swagger" in request["path"]:
        assert found.json == json.loads(expected["body"])
    else:
        assert found.text == expected["body"]
        sent = {header: found.headers[header] for header in expected["headers"]}
        assert request["method"] == "OPTIONS" or sent == expected["headers"]
