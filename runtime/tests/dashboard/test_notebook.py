"""A summary shows the end of a notebook, whatever is in it, and nothing of it can run."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from typing import Any

import pytest

from hub_runtime.dashboard import frames
from hub_runtime.dashboard.model import State, Summary
from hub_runtime.dashboard.notebook import Tries, summarise

ABOUT = Summary("alice", "day1.ipynb", "/home/alice/day1.ipynb", State.MISSING, "2026-11-14T16:00:00+00:00")
PIXEL = base64.b64encode(b"\x89PNG not really").decode()


def code(
    source: str = "5*4", *outputs: dict[str, Any], count: int | None = 1, name: str = "a"
) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
    }


def stream(text: Any) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def data(**by_media: Any) -> dict[str, Any]:
    named = {name.replace("_", "/"): value for name, value in by_media.items()}
    return {"output_type": "display_data", "metadata": {}, "data": named}


def failure(name: str = "NameError", value: str = "name 'x' is not defined") -> dict[str, Any]:
    traceback = ["\x1b[31mTraceback\x1b[0m", f"\x1b[31m{name}\x1b[0m: {value}"]
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source}


def notebook(*cells: dict[str, Any]) -> bytes:
    named = [{**cell, "id": f"c{number}"} for number, cell in enumerate(cells)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": named}).encode()


def summary(content: bytes, tries: Tries | None = None, limit: int = 2_000_000) -> Summary:
    return summarise(ABOUT, content, tries or {}, limit)[0]


def outputs(*given: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.kind, each.content) for each in summary(notebook(code("x", *given))).cells[0].outputs]


def test_the_last_ten_cells_are_shown() -> None:
    made = summary(notebook(*[code(str(number)) for number in range(25)]))
    assert (made.state, made.total) == (State.SHOWN, 25)
    assert [cell.source for cell in made.cells] == [str(number) for number in range(15, 25)]


def test_an_output_of_more_than_25_lines_is_cut_in_the_middle() -> None:
    assert outputs(stream("\n".join(map(str, range(25))) + "\n"))[0][1].splitlines() == list(
        map(str, range(25))
    )
    cut = outputs(stream("\n".join(map(str, range(60))) + "\n"))[0][1].splitlines()
    assert cut == [*map(str, range(13)), "… 35 lines left out …", *map(str, range(48, 60))]


def test_text_is_what_a_terminal_would_show() -> None:
    assert outputs(stream(["10%\r", "99%\r", "done\n", "\x1b[1mbold\x1b[0m\x07"])) == [("text", "done\nbold")]


def test_what_a_loop_prints_is_one_output() -> None:
    assert outputs(*[stream(f"{number}\n") for number in range(3)]) == [("text", "0\n1\n2")]


def test_errors_are_counted_in_all_cells_and_shown_without_colours() -> None:
    made = summary(notebook(code("x", failure()), *[code()] * 12, code("y", failure())))
    assert made.errors == 2
    assert made.cells[-1].outputs[0].content == "Traceback\nNameError: name 'x' is not defined"


def test_images_and_tables_are_shown() -> None:
    assert outputs(data(image_png=PIXEL + "\n", text_plain="<Figure>")) == [
        ("image", f"data:image/png;base64,{PIXEL}")
    ]
    table = "<style>td{}</style><table class='dataframe'><tr><td onclick='x()'>1</td></tr></table>"
    assert outputs(data(text_html=table, text_plain="1")) == [
        ("html", "<table><tbody><tr><td>1</td></tr></tbody></table>")
    ]


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src='https://evil.example/track.png'>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
        "<iframe src='/hub/admin'></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<form action='/hub/api'><input name=x></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href='https://evil.example'>",
        "<link rel=stylesheet href='https://evil.example/x.css'>",
        "<div style='background:url(https://evil.example)'>x</div>",
        "<object data='x'></object><embed src='x'>",
    ],
)
def test_html_neither_runs_nor_loads_anything(attack: str) -> None:
    for cell in (code("x", data(text_html=attack)), markdown(attack)):
        page = frames.response(summary(notebook(cell))).get_data(as_text=True).split("<body>")[1]
        for tag, attributes in elements(page):
            assert tag in {"pre", "div", "img", "a", "p", "span"}
            assert set(attributes) <= {"class", "tabindex", "rel", "href", "alt", "id"}
            assert (attributes.get("href") or "https://").startswith("https://")


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(page)
    return found


def test_text_is_escaped() -> None:
    page = frames.response(summary(notebook(code("<b>x</b>", stream("<script>alert(1)</script>")))))
    assert b"<script" not in page.get_data()
    assert b"&lt;b&gt;x&lt;/b&gt;" in page.get_data()


def test_a_frame_is_nobodys_origin() -> None:
    policy = frames.response(summary(notebook(code()))).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("; sandbox")
    assert "frame-ancestors 'self'" in policy


def test_markdown_is_rendered() -> None:
    assert summary(notebook(markdown("# Day *one*"))).cells[0].html == "<h1>Day <em>one</em></h1>\n"


def test_javascript_is_only_text() -> None:
    assert outputs(data(application_javascript="alert(1)", text_plain="<JS>")) == [("text", "<JS>")]


WHOLE = notebook(code("x", stream("text")))


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", State.HALF_WRITTEN),
        (WHOLE[:-1], State.HALF_WRITTEN),
        (WHOLE[:100], State.HALF_WRITTEN),
        (b"not json", State.INVALID),
        (b"[]", State.INVALID),
        (b"{}", State.INVALID),
        (b"\xff\xfe", State.INVALID),
        (b"[" * 200_000, State.INVALID),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}', State.INVALID),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "x"}]}',
            State.INVALID,
        ),
        (b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', State.INVALID),
    ],
)
def test_what_is_no_notebook_is_shown_as_such(content: bytes, state: State) -> None:
    made = summary(content)
    assert made.state is state
    assert made.note


def test_old_formats_and_empty_notebooks_are_read() -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [], "metadata": {}}]}
    assert summary(json.dumps(old).encode()).state is State.SHOWN
    assert summary(notebook()).total == 0


def test_a_summary_has_a_limit_that_leaves_out_earlier_outputs_first() -> None:
    cells = [code(str(number), stream("x" * 900)) for number in range(5)]
    made = summary(notebook(*cells), limit=2_500)
    assert [cell.outputs[0].content[:8] for cell in made.cells] == ["left out"] * 3 + ["xxxxxxxx"] * 2


def test_the_same_error_three_times_is_stuck_until_it_is_gone() -> None:
    tries: Tries = {}
    stuck = []
    for count, output in ((1, failure()), (2, failure()), (2, failure()), (3, failure()), (4, stream("20"))):
        made, tries = summarise(ABOUT, notebook(code("x", output, count=count)), tries, 10_000)
        stuck.append(made.stuck)
    assert stuck == ["", "", "", "NameError: name 'x' is not defined", ""]


def test_different_errors_are_progress() -> None:
    tries: Tries = {}
    for count in range(5):
        content = notebook(code("x", failure(value=f"{count}"), count=count))
        made, tries = summarise(ABOUT, content, tries, 10_000)
    assert made.stuck == ""
