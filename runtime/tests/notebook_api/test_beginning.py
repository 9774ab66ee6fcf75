"""What is not fit to be served never begins to; what is takes the socket over without a failed request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_runtime.notebook_api.notebook import NotebookError, read
from tests.support.two_releases import Load, Manager, ask

from .conftest import notebook

HELLO = "# GET /hello\nprint('hello')"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is no notebook"),
        ("[]", "it is no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 4, "metadata": {}}', "it is no notebook"),
        (notebook("print(1)"), "no cell begins with an annotation such as `# GET /hello`"),
        (notebook(HELLO, language_info={"name": "R"}), "its language is r; only Python is served"),
        (
            notebook("1", "# GET /a\n# @tokn"),
            "cell 2: there is no option `@tokn`; there are @summary, @token",
        ),
        (notebook("# GET /a\n# @token\n# @token"), "cell 1: `@token` stands there twice"),
        (
            notebook("# GET /a\n# @token", "# GET /a\n# @token"),
            "cell 2: an earlier cell of GET /a has `@token`",
        ),
        (notebook("# GET /a\n# @token yes"), "`@token yes`: nothing comes after it"),
        (notebook("# GET /a\n# @rate 0/minute"), "expected: a number / second, minute, hour, day"),
        (notebook("# GET /a\n# @deadline 4000"), "expected: seconds, 1 to 3600"),
        (notebook("# GET /a\n# @stream html"), "expected: a content type"),
        (notebook('# POST /a\n# @body {"type": "objekt"}'), "cell 1: `@body"),
        (notebook("# POST /a\n# @body {"), "cell 1: `@body {`"),
        (notebook("# GET /a\n# @stream", "# ResponseInfo GET /a"), "has begun before its ResponseInfo"),
        (notebook("# GET /a/:b/:b"), "`:b` is no name, or stands there twice"),
        (notebook("# GET /a/:1"), "`:1` is no name"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_notebook_that_cannot_be_meant_so_is_refused_with_its_cell(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "lab.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError) as refused:
        read(path)
    assert why in str(refused.value)


def test_a_notebook_of_the_third_format_is_read(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": HELLO, "language": "python", "metadata": {}, "outputs": []}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    assert [endpoint.name for endpoint in read(path).endpoints] == ["GET /hello"]


@pytest.mark.parametrize(
    ("cells", "settings", "code", "why"),
    [
        ((HELLO, "1 / 0"), {}, 65, "notebook.ipynb: cell 2: ZeroDivisionError: division by zero"),
        (
            ("import time; time.sleep(600)", HELLO),
            {"start_timeout": 1},
            65,
            "notebook.ipynb: its first run takes more than 1 s",
        ),
        (
            (HELLO, ("assert ask('GET', '/hello')[0] == 201", "test")),
            {},
            65,
            "notebook.ipynb: cell 2: AssertionError: ",
        ),
        (("# GET /a\n# @token",), {}, 65, "notebook.ipynb: GET /a asks for a token, and the API has none"),
        ((HELLO,), {"kernels": 0}, 78, "Expected `int` >= 1 - at `$.kernels`"),
    ],
    ids=["first run", "too slow", "test", "no token", "settings"],
)
def test_what_is_not_fit_never_begins_to_serve(
    serve: Any, cells: Any, settings: Any, code: int, why: str
) -> None:
    found, said = serve(notebook(*cells), **settings).refused()
    assert found == code
    assert said.endswith(why.strip())


def test_the_notebooks_tests_ask_its_api_on_a_folder_of_their_own(serve: Any) -> None:
    text = notebook(
        "import json, pathlib\nplace = pathlib.Path('kept.txt')",
        "# POST /kept\n# @token\nplace.write_text(json.loads(REQUEST)['body']['text'])",
        "# GET /kept\nprint(place.read_text() if place.exists() else 'nothing')",
        ("ask('POST', '/kept', {'text': 'of the test'})", "test"),
        ("assert ask('GET', '/kept') == (200, 'of the test\\n')", "test"),
        "# GET /names\nprint('ask' in globals(), 'inside' in globals())",
    )
    served = serve("", notebook="lab.ipynb", text=text, token="word")
    served.start()
    assert served.ask("GET", "/kept").text == "nothing\n"
    assert served.ask("GET", "/names").text == "False False\n"
    assert served.ask("GET", "/health").json["notebook"] == "lab"


CELLS = (
    "import json, os, time",
    "# GET /\ntime.sleep(float(next(iter(json.loads(REQUEST)['args']), 0)))\n"
    "print(os.environ['HUB_RELEASE'], end='')",
    "# POST /\nprint(os.environ['HUB_RELEASE'], end='')",
)


@pytest.fixture
def manager(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    (folder / "lab.ipynb").write_text(notebook(*CELLS))
    settings = {"notebook": str(folder / "lab.ipynb"), "folder": str(folder), "kernels": 1}
    (folder / "settings.json").write_text(json.dumps(settings))
    monkeypatch.setenv("HUB_SETTINGS", str(folder / "settings.json"))
    running = Manager(folder, "hub_runtime.notebook_api.web")
    yield running
    running.close()


def test_no_request_fails_while_two_releases_change_over(manager: Manager) -> None:
    manager.switch("one")
    manager.start("one")
    with Load(manager.shared) as load:
        manager.start("two")
        assert ask(manager.probe("two")) == "two"
        assert "two" not in load.answers
        for current in ("two", "one", "two"):
            manager.switch(current)
            manager.reload("two")
            manager.reload("one")
            assert ask(manager.shared) == current
        while not load.leaves_alone("one", while_answering="two"):
            pass  # requests that it had taken before are still being answered
        assert manager.stop("one") == 0
    assert load.failures == []
    assert set(load.answers) == {"one", "two"}
