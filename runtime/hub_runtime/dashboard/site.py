"""The routes of the pages: who asks, what is known, and the page that says it."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from http import HTTPStatus
from typing import cast

from flask import Blueprint, Response, abort, current_app, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from ..web import site
from ..web.view import View
from . import frames, pages
from .admin import Admin
from .gate import Gate
from .identity import HubAwayError, Identity
from .model import Participant, Summary
from .settings import Settings
from .store import Store
from .stream import WHOLE_SECONDS, Feed

MINE = 12
"""Notebooks on a learner's own page, the newest."""


class Site:
    """The pages over one store."""

    def __init__(self, settings: Settings, store: Store, gate: Gate, feed: Feed) -> None:
        self._root = settings.prefix
        self._store = store
        self._gate = gate
        self._feed = feed
        self._admin = Admin(settings, gate)

    def routes(self) -> Blueprint:
        """Return the routes, to be registered once."""
        routes = Blueprint("pages", __name__, url_prefix=self._root.rstrip("/"))
        site.install(routes)
        routes.add_url_rule("/", view_func=self.home)
        routes.add_url_rule("/notebook", view_func=self.notebook)
        routes.add_url_rule("/whole", view_func=self.whole)
        routes.add_url_rule("/cells", view_func=self.cells)
        routes.add_url_rule("/mine", view_func=self.mine)
        for name in ("hand", "pause", "lower"):
            routes.add_url_rule(f"/{name}", view_func=getattr(self, name), methods=["POST"])
        self._admin.add_to(routes)
        routes.register_error_handler(HTTPException, self._problem)
        routes.register_error_handler(HubAwayError, self._away)
        routes.register_error_handler(sqlite3.Error, self._away)
        return routes

    def home(self) -> str:
        """``GET /``: the class for trainers, one's own work for everybody else."""
        who = self._gate.visitor()
        if not who.all:
            return self._mine(who)
        people = self._store.participants(who.sight)
        return pages.overview(self._view(""), _viewer(who), request.host, people, _now())

    def notebook(self) -> str:
        """``GET /notebook?path=…``: everybody's copy, side by side."""
        who = self._trainer()
        filename, only = request.args.get("path", ""), request.args.get("only", "")
        copies = {each.user: each for each in self._store.summaries(who.sight, filename)}
        people = self._store.participants(who.sight)
        return pages.side_by_side(
            self._view("notebook"), _viewer(who), request.host, filename, people, copies, _now(), only
        )

    def whole(self) -> str:
        """``GET /whole?who=…&path=…``: one copy, all of it."""
        who = self._gate.visitor()
        number, person, summary = self._copy(who)
        return pages.whole(self._view("whole"), _viewer(who), request.host, person, number, summary, _now())

    def cells(self) -> Response:
        """``GET /cells?who=…&path=…``: the frame of one copy: its last cells, or all, which may take a moment."""
        who = self._gate.visitor()
        _, person, summary = self._copy(who)
        if "all" in request.args:
            whole = self._feed.until(
                lambda: self._store.whole(who.sight, person.name, summary.filename), WHOLE_SECONDS
            )
            summary = whole or summary
        return frames.response(summary, self._view("cells"))

    def mine(self) -> str:
        """``GET /mine``: what trainers see of whoever asks."""
        return self._mine(self._gate.visitor())

    def hand(self) -> Answer:
        """``POST /hand``: up or down, one's own."""
        self._store.want(self._learner().name, hand=request.form.get("up") == "1")
        return self._back()

    def pause(self) -> Answer:
        """``POST /pause``: on or off, for oneself."""
        self._store.want(self._learner().name, paused=request.form.get("on") == "1")
        return self._back()

    def lower(self) -> Answer:
        """``POST /lower``: a trainer takes a hand down."""
        who = self._trainer()
        _, person = self._person(who, request.form.get("who", ""))
        self._store.want(person.name, hand=False)
        return self._back()

    def _mine(self, who: Identity) -> str:
        known = self._store.participants(who.sight)
        me = next((one for one in known if one.name == who.name), Participant(who.name))
        found = [self._store.summary(who.sight, me.name, filename) for filename in me.notebooks[:MINE]]
        summaries = [summary for summary in found if summary is not None]
        return pages.mine(self._view("mine"), _viewer(who), request.host, me, summaries, _now())

    def _trainer(self) -> Identity:
        who = self._gate.visitor()
        if not who.all:
            abort(HTTPStatus.FORBIDDEN, "This page is for trainers.")
        return who

    def _learner(self) -> Identity:
        who = self._gate.visitor()
        if not who.user:
            abort(HTTPStatus.FORBIDDEN, "Only people raise hands and pause.")
        return who

    def _person(self, who: Identity, key: str) -> tuple[int, Participant]:
        """Return whom a key stands for and their number, among those that are to be seen."""
        people = sorted(self._store.participants(who.sight), key=lambda one: one.name)
        numbered = ((at, one) for at, one in enumerate(people, start=1) if pages.key_of(one.name) == key)
        return next(numbered, None) or abort(HTTPStatus.NOT_FOUND, "There is nobody like that here.")

    def _copy(self, who: Identity) -> tuple[int, Participant, Summary]:
        number, person = self._person(who, request.args.get("who", ""))
        summary = self._store.summary(who.sight, person.name, request.args.get("path", ""))
        if summary is None:
            abort(HTTPStatus.NOT_FOUND, "There is no such notebook to see.")
        return number, person, summary

    def _view(self, path: str) -> View:
        return View.asked(self._root, path, request.args)

    def _back(self) -> Answer:
        back = request.form.get("back", "")
        return redirect(back if back.startswith(self._root) else self._root, HTTPStatus.SEE_OTHER)

    def _problem(self, error: HTTPException) -> Answer:
        if error.response is not None:
            return cast("Answer", error.response)
        return self._says(error.code or 500, error.name, error.description or error.name)

    def _away(self, error: Exception) -> Answer:
        current_app.logger.warning("unavailable: %s", error)
        return self._says(503, "Out of reach", "The hub or its store does not answer. Try again in a moment.")

    def _says(self, code: int, title: str, text: str) -> Answer:
        way = (self._root, "Go to the first page")
        page = pages.message(self._view(""), None, request.host, title, text, way)
        return Response(page, code)


def _viewer(who: Identity) -> pages.Viewer:
    return pages.Viewer(who.name, who.all, who.admin)


def _now() -> datetime:
    return datetime.now(timezone.utc)
