"""The dashboard's pages: to the letter, safe whatever learners call and write things, usable by keyboard.

After a wanted change, `UPDATE_GOLDEN=1 pytest runtime/tests/test_dashboard_pages.py` writes the pages anew.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from hub_runtime.dashboard import admin_pages, pages
from hub_runtime.dashboard.model import Cell, Home, Output, Participant, State, Summary
from hub_runtime.dashboard.node import Said
from hub_runtime.web.assets import frame_style
from hub_runtime.web.view import View
from tests.support.classroom import (
    ADD,
    BUILT,
    HUB,
    NOTEBOOKS,
    NOW,
    PACKAGES,
    REFUSED,
    ROOT,
    SITE,
    added,
    participants,
    summary,
    users,
)
from tests.support.html import controls, elements

GOLDEN = Path(__file__).parent / "data" / "pages"
TRAINER = pages.Viewer("teacher", trainer=True)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); '",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "https://elsewhere.example/x?a=1&b=2#c",
    "../../etc/passwd\x00\x1b[31m",
    "\u202egnp.ipynb",
    "</title></iframe></textarea><!--",
]


def class_of(number: int, view: View | None = None) -> dict[str, str]:
    """Every page over a class of so many, by the name of its kind."""
    view = view or View(ROOT)
    people = participants(number)
    first = NOTEBOOKS[0]
    copies = {one.name: summary(one, first) for one in people if first in one.notebooks}
    me = people[0]
    learner = pages.Viewer(me.name, trainer=False)
    return {
        "overview": pages.overview(view, TRAINER, SITE, people, NOW),
        "side_by_side": pages.side_by_side(view, TRAINER, SITE, first, people, copies, NOW),
        "whole": pages.whole(view, TRAINER, SITE, me, 1, summary(me, first, True), NOW),
        "mine": pages.mine(view, learner, SITE, me, [summary(me, first)], NOW),
        "cells": pages.cells(view, summary(people[-1], first)),
        "people": admin_pages.people(view, "teacher", SITE, users(number), NOW),
        "leaving": admin_pages.leaving(view, "teacher", SITE, me.name),
        "work": "".join(admin_pages.work(view, "teacher", SITE, ADD, HUB, added())),
        "refused": "".join(admin_pages.work(view, "teacher", SITE, ADD, HUB, REFUSED)),
        "packages": admin_pages.packages(view, "teacher", SITE, PACKAGES),
        "built": "".join(admin_pages.work(view, "teacher", SITE, ADD, HUB, BUILT)),
        "message": pages.message(view, TRAINER, SITE, "Not found", "There is no such page.", (ROOT, "Class")),
    }


KINDS = list(class_of(1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_the_golden_one_to_the_letter(kind: str) -> None:
    page = re.sub(r"\.[0-9a-f]{12}\.(css|js|svg)", r".HASH.\1", class_of(7)[kind])
    page = re.sub(r'data-look="\w+"', 'data-look="HASH"', page)
    page = re.sub(r'data-version="\w+"', 'data-version="HASH"', page)
    page = page.replace(frame_style(), "STYLE")
    golden = GOLDEN / f"{kind}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(page)
    assert page == golden.read_text()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [1, 12, 40])
def test_a_page_holds_nothing_inline_and_asks_nobody_else(kind: str, number: int) -> None:
    for one in elements(class_of(number)[kind]):
        assert one.tag != "style" or (kind == "cells" and one.text == frame_style())
        assert "style" not in one.attributes
        assert not [name for name in one.attributes if name.startswith("on")]
        assert one.tag != "script" or (one.get("src") and not one.text)
        for name in ("href", "src", "action", "data-stream"):
            address = one.get(name)
            inside = address.startswith((ROOT, "#")) or address == pages.HUB
            assert not address or inside or (one.tag == "img" and address.startswith("data:image/"))


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_there_once_and_the_headings_have_an_order(kind: str) -> None:
    found = elements(class_of(40)[kind])
    ids = Counter(one.get("id") for one in found if one.get("id"))
    assert {name: count for name, count in ids.items() if count > 1} == {}
    if kind == "cells":
        return  # its headings are the learner's
    levels = [int(one.tag[1]) for one in found if re.fullmatch(r"h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert sum(one.tag == "main" for one in found) == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cells"])
def test_the_keyboard_goes_as_the_eye_does_and_every_stop_has_a_name(kind: str) -> None:
    page = class_of(12)[kind]
    stops, labelled = controls(page), {one.get("for") for one in elements(page) if one.tag == "label"}
    assert [stops[0].get("href"), stops[0].text] == ["#content", "Skip to the content"]
    for one in stops:
        named = one.text.strip() or one.get("aria-label") or one.get("title")
        assert named or one.get("id") in labelled, one
        assert "tabindex" not in one.attributes
        assert kind == "message" or one.tag != "button" or one.get("id"), (
            "what has the focus is found again by its id"
        )


def test_the_keyboard_reaches_who_needs_somebody_first() -> None:
    stops = [one.get("id") for one in controls(class_of(12)["overview"])]
    kinds = [re.sub(r"-[0-9a-f]{12}", "", stop) for stop in stops if re.search(r"-[0-9a-f]{12}", stop)]
    order = list(dict.fromkeys(kinds))
    assert order == ["hand-open", "hand-done", "stuck-open", "at-open", "notebook-open"]


def made_of(text: str) -> list[str]:
    """Every page over a class in which everything is called, and holds, this text."""
    when, view = NOW.isoformat(), View(ROOT)
    one = Participant(text, True, when, 1, text, when, False, 3, (text,))
    cells = (
        Cell("code", text, count=1, outputs=(Output("text", text), Output("error", text, 2))),
        Cell("raw", text),
        Cell("markdown", text),
    )
    work = Summary(text, text, text, State.SHOWN, when, "", 9, cells, 1, text)
    odd = Summary(text, text, text, State.INVALID, when, text)
    who = pages.Viewer(text, trainer=True, admin=True)
    account = admin_pages.User(text, seen=text, bytes=1, server=True)
    package, task = admin_pages.Package(text, text, text), admin_pages.Task(text, (text, text), text)
    return [
        pages.overview(view, who, text, [one], NOW),
        pages.side_by_side(view, who, text, text, [one], {text: work}, NOW),
        pages.side_by_side(view, who, text, text, [one], {text: odd}, NOW),
        pages.whole(view, who, text, one, 1, work, NOW),
        pages.mine(view, who, text, one, [work, odd], NOW),
        pages.cells(view, work),
        pages.cells(view, odd),
        pages.message(view, who, text, text, text),
        admin_pages.people(view, text, text, [account], NOW),
        admin_pages.leaving(view, text, text, text),
        admin_pages.packages(view, text, text, admin_pages.Packages((package,), (package,))),
        "".join(admin_pages.work(view, text, text, task, text, added((text,)))),
        "".join(admin_pages.work(view, text, text, task, text, [Said("error", message=text, why=text)])),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_outputs_stay_text_whatever_they_hold(text: str) -> None:
    for hostile, calm in zip(made_of(text), made_of("calm"), strict=True):
        had = elements(hostile)
        assert [(one.tag, set(one.attributes)) for one in had] == [
            (one.tag, set(one.attributes)) for one in elements(calm)
        ]
        for one in had:
            for address in (one.get("href"), one.get("src"), one.get("action")):
                assert not address or address.startswith((ROOT, "#")) or address == pages.HUB


def test_with_names_hidden_no_name_is_in_the_page() -> None:
    made = class_of(40, View(ROOT, names=False))
    for kind in ("overview", "side_by_side", "whole"):
        page = re.sub(r'<input type="hidden"[^>]*>', "", made[kind])
        words = set(re.findall(r"[a-z]+", page))
        assert words.isdisjoint({one.name for one in participants(40)} | {"teacher"})
        assert "No. 1<" in page
        links = [
            urlsplit(one.get("href"))
            for one in elements(page)
            if one.tag == "a" and one.get("href").startswith(ROOT)
        ]
        stay = [parse_qs(link.query).get("names") for link in links]
        assert stay.count(None) == 1, "one link shows them again, all others keep them hidden"


def test_hidden_names_are_numbers_in_the_order_of_names() -> None:
    people = [Participant(name) for name in ("zoe", "ada", "kim")]
    called = pages.persons(View(names=False), people)
    assert [(one.state.name, one.label) for one in called] == [
        ("ada", "No. 1"),
        ("kim", "No. 2"),
        ("zoe", "No. 3"),
    ]


def test_of_who_paused_there_is_a_name_and_nothing_to_open() -> None:
    page = pages.overview(View(ROOT), TRAINER, SITE, [Participant("ada", paused=True)], NOW)
    assert "Not shown" in page
    assert not [one for one in elements(page) if pages.key_of("ada") in one.get("href")]


@pytest.mark.parametrize(
    ("used", "said"),
    [(79, []), (80, ["80 %", "nearly full", "1.6 GB of the 2.0 GB"]), (101, ["101 %", "is full"])],
)
def test_a_home_that_is_nearly_full_is_said_to_its_owner_and_to_trainers(used: int, said: list[str]) -> None:
    one = Participant("ada", home=Home(used * 2 * 2**30 // 100 + 1, 2 * 2**30))
    learner = pages.mine(View(ROOT), pages.Viewer("ada", trainer=False), SITE, one, [], NOW)
    both = pages.overview(View(ROOT), TRAINER, SITE, [one], NOW) + learner
    assert [
        text for text in ("80 %", "101 %", "nearly full", "is full", "1.6 GB of the 2.0 GB") if text in both
    ] == [
        text for text in ("80 %", "101 %", "nearly full", "is full", "1.6 GB of the 2.0 GB") if text in said
    ]


def test_what_cannot_be_shown_says_why_and_has_no_frame() -> None:
    broken = Summary(
        "ada", "a.ipynb", "/home/ada/a.ipynb", State.HALF_WRITTEN, NOW.isoformat(), "being written"
    )
    page = pages.side_by_side(
        View(ROOT), TRAINER, SITE, "a.ipynb", [Participant("ada")], {"ada": broken}, NOW
    )
    assert "being written" in page
    assert "iframe" not in [one.tag for one in elements(page)]


def test_only_those_are_side_by_side_that_were_asked_for() -> None:
    people = participants(40)
    copies = {one.name: summary(one, NOTEBOOKS[0]) for one in people if NOTEBOOKS[0] in one.notebooks}

    def shown(only: str) -> set[str]:
        page = pages.side_by_side(View(ROOT), TRAINER, SITE, NOTEBOOKS[0], people, copies, NOW, only)
        return {one.text.strip() for one in elements(page) if one.tag == "h3"}

    assert shown("") == set(copies)
    assert shown("errors") == {name for name, one in copies.items() if one.errors}
    assert shown("stuck") == {name for name, one in copies.items() if one.stuck}
    assert shown("hands") == {one.name for one in people if one.hand and one.name in copies}


def test_a_frame_has_another_address_when_its_notebook_was_saved_and_else_the_same() -> None:
    one = participants(1)[0]

    def frame(saved: str) -> str:
        work = msgspec.structs.replace(summary(one, NOTEBOOKS[0]), saved=saved)
        page = pages.mine(View(ROOT), TRAINER, SITE, one, [work], NOW)
        return next(at.get("src") for at in elements(page) if at.tag == "iframe")

    assert frame("2026-11-29T14:00:00Z") == frame("2026-11-29T14:00:00Z") != frame("2026-11-29T14:00:05Z")


def test_frames_are_sandboxed_without_any_exception() -> None:
    frames = [one for kind in KINDS for one in elements(class_of(12)[kind]) if one.tag == "iframe"]
    assert frames
    assert {one.get("sandbox") for one in frames} == {""}
    assert all("sandbox" in one.attributes for one in frames)


def test_parts_have_another_version_only_when_they_are_another() -> None:
    def versions(people: list[Participant]) -> dict[str, str]:
        page = pages.overview(View(ROOT), TRAINER, SITE, people, NOW)
        return {
            one.get("id"): one.get("data-version")
            for one in elements(page)
            if "data-version" in one.attributes
        }

    people = participants(12)
    before = versions(people)
    changed = [msgspec.structs.replace(people[2], errors=7), *people[:2], *people[3:]]
    after = versions(changed)
    key = pages.key_of(people[2].name)
    assert {part for part in after if before.get(part) != after[part]} == {f"at-{key}"}


def test_notebooks_are_counted_by_people_the_busiest_first() -> None:
    people = [
        Participant("ada", active=True, notebooks=("b", "a"), errors=2),
        Participant("kim", active=True, notebooks=("b",), stuck="NameError"),
        Participant("zoe", active=False, notebooks=("a", "c"), errors=1),
        Participant("lin"),
    ]
    assert pages.notebooks(people) == [
        pages.Notebook("b", copies=2, now=2, errors=1, stuck=1),
        pages.Notebook("a", copies=2, now=0, errors=1, stuck=0),
        pages.Notebook("c", copies=1, now=0, errors=0, stuck=0),
    ]
