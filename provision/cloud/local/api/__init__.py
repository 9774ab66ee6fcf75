"""The HTTP API: DigitalOcean's version 2, as far as nodes, DNS and keys need it."""

from __future__ import annotations

import hmac
import logging
import time

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from . import actions, catalog, domains, droplets, keys, snapshots, tags
from .context import EXTENSION, Cloud
from .http import RequestError, not_found
from .limits import RateLimiter, Verdict

__all__ = ["Cloud", "create_app"]
log = logging.getLogger(__name__)
_LARGEST_BODY = 1024 * 1024


def create_app(cloud: Cloud) -> Flask:
    """Make the WSGI application of one instance."""
    app = Flask(__name__, static_folder=None)
    app.extensions[EXTENSION] = cloud
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False  # common clients end their addresses with one
    for module in (actions, catalog, domains, droplets, keys, snapshots, tags):
        app.register_blueprint(module.blueprint, url_prefix="/v2")
    limiter = RateLimiter(cloud.requests_per_hour, cloud.requests_per_minute, cloud.clock)

    @app.before_request
    def admit() -> None:
        g.began = time.monotonic()
        if not _authorized(cloud.token):
            raise RequestError(401, "unauthorized", "Unable to authenticate you.")
        verdict = g.verdict = limiter.count()
        if not verdict.allowed:
            raise RequestError(429, "too_many_requests", "API rate limit exceeded.")

    @app.after_request
    def annotate(response: Response) -> Response:
        verdict: Verdict | None = g.get("verdict")
        if verdict is not None:
            response.headers["ratelimit-limit"] = str(verdict.limit)
            response.headers["ratelimit-remaining"] = str(verdict.remaining)
            response.headers["ratelimit-reset"] = str(verdict.reset)
            if verdict.retry_after:
                response.headers["retry-after"] = str(verdict.retry_after)
        # Addresses and verdicts only: bodies hold private keys.
        spent = 1000 * (time.monotonic() - g.began)
        log.info("%s %s %d %.0f ms", request.method, request.path, response.status_code, spent)
        return response

    app.register_error_handler(RequestError, lambda error: error.response())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _server_error)
    return app


def _authorized(token: str) -> bool:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())


def _http_error(error: HTTPException) -> Response:
    if error.code == 404:
        return not_found().response()
    name = error.name.lower().replace(" ", "_")
    return RequestError(error.code or 500, name, error.description or error.name).response()


def _server_error(_: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path)
    return RequestError(500, "server_error", "Unexpected server-side error").response()
