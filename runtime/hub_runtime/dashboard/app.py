"""The dashboard's HTTP API, below the prefix that the hub gives it."""

from __future__ import annotations

import sqlite3
import threading

import msgspec
from flask import Blueprint, Flask, Response, current_app, request, stream_with_context
from werkzeug.exceptions import HTTPException

from .. import __version__
from ..current import release
from ..replies import answer, failure, http_problem, problem
from ..web import sse
from . import frames, stream
from .events import EventError, decode, filters, position
from .gate import Gate
from .identity import Hub, HubAwayError
from .settings import Settings
from .site import Site
from .store import Store

POSITION = "Events-Position"
"""Header that says how far an answer goes: what `since` takes."""


class Dashboard(Flask):
    """The WSGI application, which is told when its process is about to end."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(__name__, static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
        self.feed = stream.Feed(settings.database)

    def ending(self) -> None:
        """End the answers that would last."""
        self.feed.end()


def create_app(settings: Settings) -> Dashboard:
    """The WSGI application."""
    app = Dashboard(settings)
    store, gate = Store(settings), Gate(app, settings, Hub(settings))
    api = Api(settings, store, gate, app.feed)
    routes = Blueprint("api", __name__, url_prefix=settings.prefix.rstrip("/"))
    routes.add_url_rule("/events", view_func=api.events)
    routes.add_url_rule("/events", view_func=api.record, methods=["POST"])
    routes.add_url_rule("/events/stream", view_func=api.stream)
    routes.add_url_rule("/participants", view_func=api.participants)
    routes.add_url_rule("/participants/<name>", view_func=api.want, methods=["POST"])
    routes.add_url_rule("/notebooks", view_func=api.notebooks)
    routes.add_url_rule("/summaries", view_func=api.summaries)
    routes.add_url_rule("/frame", view_func=api.frame)
    routes.add_url_rule("/health", view_func=api.health)
    routes.add_url_rule("/login", view_func=gate.login)
    routes.add_url_rule("/oauth_callback", view_func=gate.callback)
    routes.add_url_rule("/logout", view_func=gate.leave, methods=["POST"])
    app.register_blueprint(routes)
    app.register_blueprint(Site(settings, store, gate, app.feed).routes())
    app.add_url_rule("/health", view_func=api.health)
    app.register_error_handler(EventError, lambda error: problem(400, str(error)))
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(HubAwayError, _unavailable)
    app.register_error_handler(sqlite3.Error, _unavailable)
    app.register_error_handler(Exception, failure)
    app.after_request(_headers)
    return app


class Api:
    """The routes, over one store."""

    def __init__(self, settings: Settings, store: Store, gate: Gate, feed: stream.Feed) -> None:
        self._settings = settings
        self._store = store
        self._gate = gate
        self._feed = feed
        self._streams = threading.BoundedSemaphore(settings.limits.streams)

    def events(self) -> Response:
        """``GET /events``: what fits all filters; ``since`` leaves out what was known at a position."""
        sight = self._gate.caller().sight
        wanted, since = filters(request.args)
        found, now = self._store.events(sight, wanted, since or 0)
        response = answer(200, found)
        response.headers[POSITION] = str(now)
        return response

    def record(self) -> Response:
        """``POST /events``: keep one; everybody tells of themselves."""
        who = self._gate.poster()
        event, moment = decode(request.get_data())
        if not who.user or event.user != who.name:
            return problem(403, f"the token is {who.name}'s, the event another's")
        kept = self._store.record(event.type, event.user, event.filename, event.path, moment)
        return answer(201, kept)

    def stream(self) -> Response:
        """``GET /events/stream``: server-sent events from now on, or from where a page lost the line."""
        sight = self._gate.caller().sight
        since = position(request.headers.get("Last-Event-ID") or request.args.get("since"))
        if not self._streams.acquire(blocking=False):
            return problem(503, "too many pages are open: this one asks again later", retry_after=5)
        # The context stays: who listens is looked at again while the stream lasts.
        text = stream_with_context(stream.messages(self._store, self._feed, sight, since, self._gate.again))
        response = Response(text, headers=sse.HEADERS)
        response.call_on_close(self._streams.release)
        return response

    def participants(self) -> Response:
        """``GET /participants``: everybody there is to see."""
        return answer(200, self._store.participants(self._gate.caller().sight))

    def want(self, name: str) -> Response:
        """``POST /participants/<name>``: ``hand`` and ``paused`` of one's own; a trainer may lower a hand."""
        who = self._gate.caller()
        wish = _wish()
        own = who.user and who.name == name
        if not own and not (who.all and wish.hand is False and wish.paused is None):
            return problem(403, "everybody raises their own hand, and pauses for themselves")
        return answer(200, self._store.want(name, hand=wish.hand, paused=wish.paused))

    def notebooks(self) -> Response:
        """``GET /notebooks``: by path, how many have a copy."""
        return answer(200, self._store.notebooks(self._gate.caller().sight))

    def summaries(self) -> Response:
        """``GET /summaries?filename=…``: everybody's copy of a notebook."""
        sight = self._gate.caller().sight
        return answer(200, self._store.summaries(sight, request.args.get("filename", "")))

    def frame(self) -> Response:
        """``GET /frame?user=…&filename=…``: one copy as a page of its own, which is nobody's origin.

        With ``whole=1`` all of it: it is rendered when it is asked for, which may take a moment.
        """
        sight = self._gate.caller().sight
        user, filename = request.args.get("user", ""), request.args.get("filename", "")
        if "whole" not in request.args:
            return frames.response(self._store.summary(sight, user, filename))
        try:
            whole = self._feed.until(lambda: self._store.whole(sight, user, filename), stream.WHOLE_SECONDS)
        except LookupError:
            return frames.response(None)
        return frames.response(whole) if whole else problem(503, "it is still being made: try again", 2)

    def health(self) -> Response:
        """``GET /health``: the store can be read."""
        about = {"service": "dashboard", "version": __version__, "release": release()}
        return answer(200, {"status": "ok", "position": self._store.position(), **about})


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants of themselves; what is None stays as it is."""

    hand: bool | None = None
    paused: bool | None = None


def _wish() -> Wish:
    """Return what a form, or JSON, asks for."""
    try:
        if request.is_json:
            return msgspec.json.decode(request.get_data(), type=Wish)
        return msgspec.convert(request.form.to_dict(), Wish, strict=False)
    except msgspec.DecodeError as error:
        raise EventError(str(error)) from error


def _unavailable(error: Exception) -> Response:
    current_app.logger.warning("unavailable: %s", error)
    what = "the hub does" if isinstance(error, HubAwayError) else "the store does"
    return problem(503, f"{what} not answer: try again", retry_after=5)


def _headers(response: Response) -> Response:
    """What holds for every answer that does not say otherwise: nothing of it is kept, runs or is framed."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response
