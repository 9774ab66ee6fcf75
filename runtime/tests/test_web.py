"""The one look: assets that never change their meaning, nothing inline, colours that can be read."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import UndefinedError
from werkzeug.datastructures import MultiDict

from hub_runtime.web import assets, charts, look, policy, site, sse
from hub_runtime.web.view import View
from tests.support.html import elements

CSS = assets.assets()["hub.css"].body.decode()
SCRIPT = (assets.FOLDER / "hub.js").read_text()
GROUNDS = ("ground", "paper")
TEXTS = [
    *product(("ink", "quiet", "accent", "good", "warn", "bad", "hand"), GROUNDS),
    *((kind, f"{kind}-soft") for kind in ("good", "warn", "bad", "hand", "accent")),
    *product(("ink",), ("warn-soft", "hand-soft")),
    ("on-accent", "accent"),
]
SIGNS = [*product(("focus", "edge-strong"), GROUNDS)]
"""Pairs of what stands on what: texts want 4.5, the edges of controls 3 (WCAG 2.2, 1.4.3 and 1.4.11)."""


def colours() -> dict[str, tuple[str, str]]:
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("above", "below", "least"), [*((*pair, 4.5) for pair in TEXTS), *((*pair, 3.0) for pair in SIGNS)]
)
def test_colours_are_far_enough_apart_to_be_read(above: str, below: str, least: float, theme: int) -> None:
    known = colours()
    assert contrast(known[above][theme], known[below][theme]) >= least


def test_every_colour_of_the_style_sheet_is_one_of_the_named_ones() -> None:
    rules = (CSS + assets.frame_style()).replace("background: #fff;", "")  # of pictures, which may have none
    assert len(re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rules)) == 4 * len(colours())
    named = set(re.findall(r"--([a-z-]+):", CSS))
    used = CSS + assets.frame_style()
    assert set(re.findall(r"var\(--([a-z-]+)\)", used)) == named


def test_nothing_moves_for_whoever_wants_no_motion() -> None:
    reduced = CSS.split("prefers-reduced-motion: reduce")[1]
    assert "animation: none !important" in reduced


def test_assets_load_nothing_from_elsewhere() -> None:
    for asset in assets.assets().values():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text), asset.name


def test_the_name_of_an_asset_changes_with_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "hub.css"
    file.write_text("a{}")
    before = assets._asset(file)
    file.write_text("b{}")
    assert re.fullmatch(r"hub\.[0-9a-f]{12}\.css", before.name)
    assert assets._asset(file).name != before.name


@pytest.fixture
def app() -> Flask:
    made = Flask("look", static_folder=None)
    site.install(made, "/here/")
    made.add_url_rule("/here/", "page", lambda: "<p>a page")
    return made


def test_an_asset_may_be_kept_for_ever_and_another_hash_is_nothing(app: Flask) -> None:
    client = app.test_client()
    for name, asset in assets.assets().items():
        answer = client.get(f"/here/assets/{asset.name}")
        assert (answer.status_code, answer.data) == (200, asset.body)
        assert answer.headers["Cache-Control"] == assets.FOREVER
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert client.get(f"/here/assets/{name}").status_code == 404
    assert client.get("/here/assets/../policy.py").status_code == 404


def test_every_answer_has_the_policy_of_a_page_even_an_error(app: Flask) -> None:
    for address in ("/here/", "/nowhere"):
        headers = app.test_client().get(address).headers
        assert {name: headers[name] for name in policy.PAGE} == policy.PAGE


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere() -> None:
    allowed = policy.PAGE["Content-Security-Policy"]
    assert "default-src 'none'" in allowed
    assert set(re.findall(r"'[a-z-]+'", allowed)) == {"'none'", "'self'"}
    assert not re.search(r"https?:|\*|data:", allowed)


def test_frames_run_nothing_and_have_an_origin_of_their_own() -> None:
    directives = [one.strip() for one in policy.FRAME["Content-Security-Policy"].split(";")]
    assert "sandbox" in directives
    assert not [one for one in directives if one.startswith(("script-src", "connect-src", "frame-src"))]
    assert "default-src 'none'" in directives


def test_a_page_says_one_thing_and_escapes_it() -> None:
    page = look.render(
        look.TEMPLATES,
        "message.html",
        View(),
        site="<i>hub</i>",
        user='"><script>x',
        title="<b>",
        text="a & b",
        way=("/?a=1&b=2", "Back"),
    )
    assert [one for one in elements(page) if one.tag in ("i", "b")] == []
    assert [one.get("src") for one in elements(page) if one.tag == "script"] == [look._asset("/")("hub.js")]


def test_a_value_that_a_template_wants_and_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        look.render(look.TEMPLATES, "message.html", View(), site="hub", user="", title="t", text="t")


def test_an_address_keeps_how_a_page_is_looked_at() -> None:
    asked = MultiDict([("path", "a b/ü&.ipynb"), ("names", "hidden"), ("theme", "dark")])
    view = View.asked("/services/dashboard/", "notebook", asked)
    assert view.here() == "/services/dashboard/notebook?path=a+b%2F%C3%BC%26.ipynb&names=hidden&theme=dark"
    assert view.link("") == "/services/dashboard/?names=hidden&theme=dark"
    assert view.with_names(True) == "/services/dashboard/notebook?path=a+b%2F%C3%BC%26.ipynb&theme=dark"
    assert View.asked("/", "", MultiDict([("theme", "<script>"), ("names", "?")])) == View()


@pytest.mark.parametrize(
    "when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", "", "2026-13-01"]
)
def test_a_time_that_is_none_breaks_no_page(when: str) -> None:
    assert look.moment(when) == '<time datetime="1970-01-01T00:00:00Z">00:00 UTC</time>'


def test_a_time_is_told_in_utc() -> None:
    told = '<time datetime="2026-11-29T13:30:05Z">13:30 UTC</time>'
    for when in ("2026-11-29T14:30:05.25+01:00", "2026-11-29T13:30:05", "2026-11-29T13:30:05Z"):
        assert look.moment(when) == told


def test_bars_are_as_high_as_their_values_and_say_them() -> None:
    drawn = elements(str(charts.bars([0, 5, 10], 'saves "a" minute')))
    assert drawn[0].get("aria-label") == 'saves "a" minute'
    assert [(one.get("class"), one.get("height")) for one in drawn[1:]] == [
        ("none", "2"),
        ("bar", "16"),
        ("bar", "32"),
    ]
    assert len(elements(str(charts.bars([], "nothing")))) == 1


def test_an_event_on_the_wire_is_one_however_many_lines_it_has() -> None:
    assert sse.encode("change", "a\nb", "7") == "id: 7\nevent: change\ndata: a\ndata: b\n\n"
    assert sse.PING == "event: ping\ndata: \n\n"


def test_the_script_waits_for_events_longer_than_the_server_does() -> None:
    quiet = re.search(r"QUIET = ([\d_]+)", SCRIPT)
    assert quiet
    assert int(quiet[1]) == sse.QUIET * 1000 >= 2 * sse.PING_EVERY * 1000


def test_the_script_makes_no_page_from_text() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\.style\b", SCRIPT)
