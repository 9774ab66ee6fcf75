"""The dashboard's pages in a real browser: they stay true, say when they cannot, and show nobody what is hidden."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hub_runtime.dashboard.model import Cell, Output
from hub_runtime.dashboard.pages import key_of
from hub_runtime.web import look
from tests.support.browser import opened
from tests.support.classroom import NOTEBOOKS, NOW, Classroom, served

FIRST = quote(NOTEBOOKS[0])
KEY = key_of("ada")
PAGES = {
    "overview": "",
    "side_by_side": f"notebook?path={FIRST}",
    "whole": f"whole?who={KEY}&path={FIRST}",
    "mine": "mine?as=ada",
    "people": "people",
    "packages": "packages",
    "leaving": "people/remove?name=ada",
    "cells": f"cells?who={KEY}&path={FIRST}",
}
SIZES = {"phone": (390, 844), "laptop": (1366, 768), "projector": (1920, 1080)}


@pytest.fixture
def room() -> Classroom:
    return Classroom(12)


@pytest.fixture
def address(room: Classroom) -> Iterator[str]:
    with served(room) as address:
        yield address


def live(page: Page) -> None:
    expect(page.locator("#line")).to_have_text("Live")


def accessible(page: Page) -> None:
    rules = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_has_nothing_to_complain_of_and_asks_nobody_else(
    browser: Browser, address: str, kind: str, theme: str
) -> None:
    # with motion, a call for help that is still fading in has too little contrast for a moment
    with opened(browser, address + PAGES[kind], color_scheme=theme, reduced_motion="reduce") as (page, seen):
        page.wait_for_load_state("load")
        assert (seen.complaints, seen.elsewhere(address)) == ([], [])
        if kind == "cells":
            return  # no script runs there, not even a test's
        accessible(page)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_never_wider_than_the_screen(browser: Browser, size: str, kind: str) -> None:
    width, height = SIZES[size]
    with (
        served(Classroom(40)) as address,
        opened(browser, address + PAGES[kind], viewport={"width": width, "height": height}) as (page, _),
    ):
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_happens_is_on_the_page_without_loading_it_again(
    browser: Browser, address: str, room: Classroom
) -> None:
    with opened(browser, address) as (page, seen):
        live(page)
        page.evaluate("window.same = true")
        room.change("bao", hand=NOW.isoformat())
        expect(page.locator(f"#hand-{key_of('bao')}")).to_contain_text("just now")
        expect(page).to_have_title(re.compile(r"^\(3\) Class"))
        room.change("bao", hand=None)
        expect(page.locator(f"#hand-{key_of('bao')}")).to_have_count(0)
        room.change("zora", active=True, saved=NOW.isoformat(), notebooks=("day3/new.ipynb",))
        expect(page.locator(f"#at-{key_of('zora')}")).to_contain_text("day3/new.ipynb")
        expect(page.locator("#notebooks")).to_contain_text("day3/new.ipynb")
        assert page.evaluate("window.same")
        assert seen.complaints == []


def test_an_update_leaves_the_focus_where_it_was(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, address) as (page, _):
        live(page)
        link = page.locator(f"#at-{key_of('chen')}-open")
        link.focus()
        room.change("chen", errors=8)
        expect(page.locator(f"#at-{key_of('chen')}")).to_contain_text("8 errors")
        expect(link).to_be_focused()


def test_a_save_loads_one_frame_again_and_no_other(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, address + PAGES["side_by_side"], viewport={"width": 1920, "height": 4000}) as (
        page,
        seen,
    ):
        live(page)
        expect(page.frame_locator(f"#copy-{KEY} iframe").locator(".cell").first).to_be_visible()
        room.change("ada", saved=NOW.isoformat(), errors=5)
        expect(page.locator(f"#copy-{KEY}")).to_contain_text("5 errors")
        asked = Counter(seen.asked("/cells?"))
        assert len([address for address in asked if KEY in address]) == 2
        assert set(asked.values()) == {1}


def test_a_lost_connection_is_said_and_mended(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, address) as (page, _):
        live(page)
        page.evaluate("window.same = true")
        room.open = False
        room.drop()
        expect(page.locator("#line")).to_have_text("Connection lost")
        expect(page.get_by_role("alert")).to_contain_text("The connection to the server is lost")
        room.change("ada", errors=9)  # what happens meanwhile is not missed
        room.open = True
        live(page)
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator(f"#at-{KEY}")).to_contain_text("9 errors")
        assert page.evaluate("window.same")


def test_a_line_that_says_nothing_is_taken_to_be_lost(
    browser: Browser, address: str, room: Classroom
) -> None:
    with opened(browser, "about:blank") as (page, _):
        page.clock.install()
        page.goto(address)
        live(page)
        room.open = False  # the stream stays open, but nothing comes
        page.clock.run_for(40_000)
        expect(page.locator("#line")).to_have_text("Connection lost")


def test_whoever_is_logged_out_is_told_so(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, address) as (page, _):
        live(page)
        room.open, room.refusal = False, 403
        room.tell()
        expect(page.locator("#line")).to_have_text("You are logged out")
        expect(page.get_by_role("alert")).to_contain_text("log in")


def test_a_page_of_an_older_release_loads_itself_again(
    browser: Browser, address: str, room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(browser, address) as (page, _):
        live(page)
        page.evaluate("window.same = true")
        monkeypatch.setattr(look, "digest", lambda: "another")
        room.tell()
        expect(page.locator('html[data-look="another"]')).to_have_count(1)
        assert page.evaluate("window.same") is None


def test_hidden_names_stay_hidden_through_updates_and_links(
    browser: Browser, address: str, room: Classroom
) -> None:
    with opened(browser, address) as (page, _):
        expect(page.locator("#people")).to_contain_text("amara")
        page.get_by_role("link", name="Hide names").click()
        live(page)
        room.change("amara", errors=6)
        expect(page.locator("#people")).to_contain_text("6 errors")
        page.get_by_role("link", name=NOTEBOOKS[0]).click()
        expect(page.locator("#copies")).to_contain_text("No. 1")
        page.locator("#copies h3 a").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("No. 1")
        for name in room.people:
            assert f">{name}<" not in page.content()
        page.get_by_role("link", name="Show names").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("ada")


def test_what_a_learner_wrote_runs_nowhere_and_loads_nothing(
    browser: Browser, address: str, room: Classroom
) -> None:
    evil = (
        "<script>top.pwned = 1; fetch('https://elsewhere.example/')</script>"
        "<img src='https://elsewhere.example/a.png' onerror='top.pwned = 1'>"
        "<link rel=stylesheet href='https://elsewhere.example/a.css'>"
        "<a href='javascript:top.pwned=1' target=_top id=trap>click</a><p id=after>after</p>"
        "<form action='/services/dashboard/hand' method=post target=_top><button id=send>send</button></form>"
    )
    room.cells = (Cell("markdown", evil, html=evil), Cell("code", "x", outputs=(Output("html", evil),)))
    with opened(browser, address + PAGES["whole"]) as (page, seen):
        frame = page.frame_locator("iframe")
        expect(frame.locator("#after").first).to_have_text("after")
        frame.locator("#trap").first.click()
        frame.locator("#send").first.click()
        assert page.evaluate("window.pwned") is None
        assert page.url == address + PAGES["whole"]
        assert frame.locator("body").evaluate("self.origin") == "null"
        assert not [one for one in seen.requests if one.endswith("/hand")]


def test_all_of_a_page_can_be_done_by_keyboard(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, address) as (page, _):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        focused = page.locator(":focus")
        for place in ("Class", "People", "Packages"):
            page.keyboard.press("Tab")
            expect(focused).to_have_text(place)
        page.keyboard.press("Tab")
        expect(focused).to_have_attribute("id", f"hand-{KEY}-open")
        assert focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("ada")


def test_nothing_moves_for_whoever_wants_no_motion(browser: Browser, address: str) -> None:
    moving = "getComputedStyle(document.querySelector('.call')).animationName"
    with opened(browser, address) as (page, _):
        assert page.evaluate(moving) == "arrive"
    with opened(browser, address, reduced_motion="reduce") as (page, _):
        assert page.evaluate(moving) == "none"


@pytest.mark.parametrize(
    ("system", "wish", "dark"), [("dark", "", 1), ("light", "", 0), ("light", "&theme=dark", 1)]
)
def test_a_page_and_its_frames_are_light_or_dark_together(
    browser: Browser, address: str, system: str, wish: str, dark: bool
) -> None:
    with opened(browser, address + PAGES["whole"] + wish, color_scheme=system) as (page, _):
        for body in (page.locator("body"), page.frame_locator("iframe").locator("body")):
            colour = body.evaluate("one => getComputedStyle(one).backgroundColor")
            assert (int(colour.split("(")[1].split(",")[0]) < 100) is bool(dark)


def test_a_page_can_be_read_without_its_script(browser: Browser, address: str) -> None:
    with opened(browser, address, java_script_enabled=False) as (page, _):
        expect(page.locator(f"#at-{KEY}")).to_contain_text("UTC")
        page.locator(f"#at-{KEY}-open").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("ada")


def test_people_are_added_by_keyboard_and_without_a_script(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}people", java_script_enabled=False) as (page, _):
        page.get_by_label("Names, one or several").focus()
        page.keyboard.type("zora yara")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".cards li")).to_have_count(2)
        expect(page.locator(".cards li").first).to_contain_text("tamu-rito-keba-nosi")
        page.emulate_media(media="print")
        expect(page.locator(".cards li").first).to_be_visible()
        expect(page.locator(".steps")).to_be_hidden()
        expect(page.get_by_role("link", name="People")).to_be_hidden()


def test_what_the_node_does_is_told_while_it_does_it(browser: Browser, address: str, room: Classroom) -> None:
    with opened(browser, f"{address}people") as (page, seen):
        room.goes_on.clear()
        page.get_by_label("Names, one or several").fill("zora")
        page.get_by_role("button", name="Add").click(no_wait_after=True)
        expect(page.get_by_role("log")).to_contain_text("zora: create, make the home, set the password")
        expect(page.locator(".cards li")).to_have_count(0)
        room.goes_on.set()
        expect(page.locator(".cards li")).to_have_count(1)
        accessible(page)
        page.get_by_role("link", name="People").click()
        page.get_by_label("Names, one or several").fill("Zoë")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_contain_text("no user was made")
        accessible(page)
        assert (seen.complaints, seen.elsewhere(address)) == ([], [])
