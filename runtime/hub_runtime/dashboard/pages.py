"""The dashboard's pages: from what is known of a class to HTML, and nothing else.

Addresses, below the root of a `View`, that these pages lead to:

| address | what it is |
|---|---|
| ``""`` | `overview` for trainers, `mine` for everybody else |
| ``notebook?path=FILENAME&only=KIND`` | `side_by_side` |
| ``whole?who=KEY&path=FILENAME`` | `whole` |
| ``cells?who=KEY&path=FILENAME`` (``&all=1``) | `cells`, in a frame |
| ``mine`` | `mine`, for trainers too |
| ``events/stream`` | server-sent events that `LISTEN` names |
| ``POST hand`` (``up=1`` or ``0``), ``POST pause`` (``on=1`` or ``0``) | of who sends it |
| ``POST lower`` (``who=KEY``) | a trainer takes a hand down |

A `KEY` is `key_of` a user's name: with names hidden none is on the page, in addresses neither. Forms carry
``back``, the address to return to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..web.look import instant, render, version
from ..web.view import View
from .model import Participant, Summary

TEMPLATES = Path(__file__).parent / "templates"
LISTEN = "event summary participant"
"""Names of the events that make a page look for what is new."""
HUB = "/hub/home"
"""The hub's own page of whoever looks."""
ONLY = {"": "All", "errors": "With errors", "stuck": "Stuck", "hands": "Hands up"}


@dataclass(frozen=True)
class Viewer:
    """Who looks: their name, whether they are a trainer, and an admin of the hub."""

    name: str
    trainer: bool
    admin: bool = False


@dataclass(frozen=True)
class Notebook:
    """One notebook over the class, counted by people; `now`: who are active and saved it last."""

    filename: str
    copies: int
    now: int
    errors: int
    stuck: int


@dataclass(frozen=True)
class Copy:
    """One person's copy of a notebook, and where its frame is."""

    who: Person
    summary: Summary
    frame: str


@dataclass(frozen=True)
class Person:
    """Somebody as the page calls them: by name or by number."""

    key: str
    label: str
    state: Participant


def key_of(name: str) -> str:
    """Return what stands for a user in addresses; no secret, but nothing that one reads from a projector."""
    return hashlib.sha256(b"participant " + name.encode()).hexdigest()[:12]


def overview(
    view: View,
    viewer: Viewer,
    site: str,
    people: Sequence[Participant],
    now: datetime,
) -> str:
    """The trainer's first page: who needs somebody, who is doing what, which notebooks there are.

    Args:
        view: how it is wanted.
        viewer: the trainer.
        site: what the hub is called.
        people: everybody in the class.
        now: the server's time.
    """
    known = persons(view, people)
    hands = sorted((one for one in known if one.state.hand), key=lambda one: str(one.state.hand))
    return _page(
        "overview.html",
        view,
        viewer,
        site,
        now,
        people=known,
        hands=hands,
        stuck=[one for one in known if one.state.stuck and one.state.notebooks],
        counts={
            "all": len(known),
            "active": sum(one.state.active for one in known),
            "errors": sum(one.state.errors > 0 for one in known),
        },
        notebooks=notebooks(people),
        saves=last_saves(people, now),
    )


def side_by_side(
    view: View,
    viewer: Viewer,
    site: str,
    filename: str,
    people: Sequence[Participant],
    summaries: Mapping[str, Summary],
    now: datetime,
    only: str = "",
) -> str:
    """The last cells of everybody's copy of one notebook.

    Args:
        view: how it is wanted.
        viewer: the trainer.
        site: what the hub is called.
        filename: the notebook.
        people: everybody in the class.
        summaries: by user's name; whoever paused has none.
        now: the server's time.
        only: which copies: a key of `ONLY`.
    """
    copies = [
        Copy(one, summary, _frame(view, one.key, summary))
        for one in persons(view, people)
        for summary in [summaries.get(one.state.name)]
        if summary is not None and _is(only, one.state, summary)
    ]
    return _page(
        "side_by_side.html",
        view,
        viewer,
        site,
        now,
        filename=filename,
        copies=copies,
        total=len(summaries),
        only=only,
        choices=ONLY,
    )


def whole(
    view: View, viewer: Viewer, site: str, person: Participant, number: int, summary: Summary, now: datetime
) -> str:
    """One notebook from top to end; `number` is what the person is called where names are hidden."""
    key = key_of(person.name)
    copy = Copy(
        Person(key, _label(view, person, number), person),
        summary,
        _frame(view, key, summary, all="1"),
    )
    return _page("whole.html", view, viewer, site, now, copy=copy)


def mine(
    view: View,
    viewer: Viewer,
    site: str,
    me: Participant,
    summaries: Iterable[Summary],
    now: datetime,
) -> str:
    """A learner's page: what trainers see of them, a pause, a hand to raise."""
    who = Person(key_of(me.name), me.name, me)
    copies = [Copy(who, summary, _frame(view, who.key, summary)) for summary in summaries]
    return _page("mine.html", view, viewer, site, now, me=me, copies=copies)


def cells(view: View, summary: Summary | None) -> str:
    """The document in a frame: cells of one notebook, if it is there. It wants the headers of `web.policy.FRAME`."""
    return render(TEMPLATES, "cells.html", view, summary=summary)


def message(
    view: View, viewer: Viewer | None, site: str, title: str, text: str, way: tuple[str, str] | None = None
) -> str:
    """A page that says one thing; `way` is an address and what it is called."""
    user = viewer.name if viewer else ""
    return render(TEMPLATES, "message.html", view, site=site, user=user, title=title, text=text, way=way)


def persons(view: View, people: Iterable[Participant]) -> list[Person]:
    """Order a class by name and call everybody as the view wants."""
    ordered = sorted(people, key=lambda one: one.name)
    return [
        Person(key_of(one.name), _label(view, one, number), one)
        for number, one in enumerate(ordered, start=1)
    ]


def notebooks(people: Iterable[Participant]) -> list[Notebook]:
    """Count a class by notebook; first those that most work on, then by name."""
    found: dict[str, list[Participant]] = {}
    for one in people:
        for filename in one.notebooks:
            found.setdefault(filename, []).append(one)
    counted = [_notebook(filename, having) for filename, having in found.items()]
    return sorted(counted, key=lambda one: (-one.now, -one.copies, one.filename))


def last_saves(people: Iterable[Participant], now: datetime, minutes: int = 30) -> list[int]:
    """Count by minute who saved last then; the present minute is the last number."""
    counts = [0] * minutes
    for one in people:
        ago = int((now - instant(one.saved)).total_seconds() // 60) if one.saved else minutes
        if ago < minutes:
            counts[minutes - 1 - max(ago, 0)] += 1
    return counts


def _notebook(filename: str, having: Sequence[Participant]) -> Notebook:
    last = [one for one in having if one.notebooks[0] == filename]
    return Notebook(
        filename,
        copies=len(having),
        now=sum(one.active for one in last),
        errors=sum(one.errors > 0 for one in last),
        stuck=sum(bool(one.stuck) for one in last),
    )


def _label(view: View, one: Participant, number: int) -> str:
    return one.name if view.names else f"No. {number}"


def _is(only: str, one: Participant, summary: Summary) -> bool:
    wanted = {"errors": summary.errors > 0, "stuck": bool(summary.stuck), "hands": bool(one.hand)}
    return wanted.get(only, True)


def _frame(view: View, key: str, summary: Summary, **query: str) -> str:
    """Address of a frame; another one when the notebook is, so that it alone is loaded again."""
    about = version(f"{summary.saved} {summary.state.value} {summary.note}")
    return view.link("cells", who=key, path=summary.filename, v=about, **query) + "#end"


def _page(template: str, view: View, viewer: Viewer, site: str, now: datetime, **values: object) -> str:
    return render(
        TEMPLATES,
        template,
        view,
        viewer=viewer,
        user=viewer.name if view.names else "",
        site=site,
        now=now,
        listen=LISTEN,
        hub=HUB,
        **values,
    )
