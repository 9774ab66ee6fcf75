"""The HTTP API."""

from __future__ import annotations

import contextlib
import hmac
from typing import IO
from uuid import uuid4

import msgspec
from flask import Flask, Response, current_app, request
from kombu.exceptions import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from .. import __version__
from ..client import client_of
from ..current import release
from ..replies import answer, failure, http_problem, problem
from ..tbn.errors import shortened
from . import answers, broker, metrics, openapi
from .request import BadRequest, decode
from .settings import Settings
from .store import UNAVAILABLE, Accepted, Store

NEWEST = 200
CHUNK = 1 << 16
READ_AWAY = 512


def create_app(settings: Settings) -> Flask:
    """The WSGI application."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
    api = Api(settings)
    app.add_url_rule("/task", view_func=api.accept, methods=["POST"])
    app.add_url_rule("/status/<job>", view_func=api.status)
    app.add_url_rule("/terminate/<job>", view_func=api.terminate, methods=["DELETE"])
    app.add_url_rule("/tasks", view_func=api.tasks)
    app.add_url_rule("/openapi.json", view_func=api.describe)
    app.add_url_rule("/health", view_func=api.health)
    app.add_url_rule("/metrics", view_func=api.metrics)
    app.register_error_handler(HTTPException, _refused)
    for unreachable in (*UNAVAILABLE, OperationalError):
        app.register_error_handler(unreachable, _unavailable)
    app.register_error_handler(Exception, failure)
    app.after_request(api.allow_origins)
    return app


class Api:
    """The routes, over one store and one queue."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings)
        self._queue = broker.create(settings)

    def accept(self) -> Response:
        """``POST /task``: record the task, then send its id to the workers."""
        if not request.is_json:
            return problem(415, "the request needs the header Content-Type: application/json")
        try:
            task = decode(request.get_data(), self._settings.limits)
        except BadRequest as error:
            return answer(400, {"status": "BadRequest", "message": str(error), "field": error.field})
        job = str(uuid4())
        client = client_of(request.headers.get("X-Forwarded-For"))
        try:
            accepted = self._store.accept(job, msgspec.json.encode(task), client)
            if accepted is Accepted.YES:
                broker.send(self._queue, job)
        except (*UNAVAILABLE, OperationalError):
            # A Redis that only was slow has it: whoever is told to try again does not want it twice.
            with contextlib.suppress(*UNAVAILABLE):
                self._store.withdraw(job)
            raise
        if accepted is Accepted.CLIENT_FULL:
            return problem(429, "too many tasks of yours are waiting: try again later", retry_after=10)
        if accepted is Accepted.FULL:
            return problem(503, "too many tasks are waiting: try again later", retry_after=10)
        return answer(202, {"task_id": job})

    def status(self, job: str) -> Response:
        """``GET /status/<id>``."""
        found = self._store.get(job)
        if found is None:
            return _no_task(job)
        code, body = answers.status(found)
        return Response(body, code, content_type="application/json")

    def terminate(self, job: str) -> Response:
        """``DELETE /terminate/<id>``: final from here on; the worker stops within a moment."""
        if not self._store.terminate(job):
            return _no_task(job)
        return answer(200, {"status": f"terminating task: {job}"})

    def tasks(self) -> Response:
        """``GET /tasks``: what the operator wants to see at once."""
        if not self._is_operator():
            return problem(403, "only the operator may list tasks")
        limit = min(max(request.args.get("limit", NEWEST, int), 1), 10 * NEWEST)
        listed = [answers.summary(job) for job in self._store.newest(limit)]
        return answer(
            200, {"tasks": listed, "counts": self._store.counts(), "workers": self._store.workers()}
        )

    def describe(self) -> Response:
        """``GET /openapi.json``."""
        return answer(200, openapi.document(self._settings))

    def health(self) -> Response:
        """``GET /health``: the API answers, and so does its store."""
        about = {"service": "task_api", "version": __version__, "release": release()}
        try:
            workers = self._store.workers()
        except UNAVAILABLE:
            return answer(503, {"status": "unavailable", "redis": "out of reach", **about})
        return answer(200, {"status": "ok", "redis": "ok", "workers": len(workers), **about})

    def metrics(self) -> Response:
        """``GET /metrics``."""
        if not self._is_operator():
            return problem(403, "only the operator may read metrics")
        text = metrics.exposition(self._store.counts(), len(self._store.workers()), release())
        return Response(text, content_type=metrics.CONTENT_TYPE)

    def allow_origins(self, response: Response) -> Response:
        """Say which web pages may call the API."""
        if "*" in self._settings.cors_origins:
            response.headers["Access-Control-Allow-Origin"] = "*"
        else:
            response.vary.add("Origin")
            origin = request.headers.get("Origin")
            if origin not in self._settings.cors_origins:
                return response
            response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
        return response

    def _is_operator(self) -> bool:
        """Whoever asks on the node itself, past the proxy, or knows the token."""
        if "X-Forwarded-For" not in request.headers:
            return True
        token = self._settings.operator_token
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return bool(token) and hmac.compare_digest(given.encode(), str(token).encode())


def _no_task(job: str) -> Response:
    return answer(
        404,
        {
            "status": "NotFound",
            "message": f"there is no task {shortened(job, 80)}, or its result has expired",
        },
    )


def _refused(error: HTTPException) -> WerkzeugResponse:
    if isinstance(error, RequestEntityTooLarge):
        _read_away(request.environ["wsgi.input"])
    return http_problem(error)


def _read_away(body: IO[bytes]) -> None:
    """Take in what the client is still sending, within reason: it reads the answer only after that."""
    for _ in range(READ_AWAY):
        if not body.read(CHUNK):
            return


def _unavailable(error: Exception) -> Response:
    current_app.logger.warning("the queue is unavailable: %s", error)
    return problem(503, "the queue is out of reach or full: try again", retry_after=5)
