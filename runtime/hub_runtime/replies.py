"""What services on Flask answer in JSON."""

from __future__ import annotations

from typing import cast

import msgspec
from flask import Response, current_app
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse


def answer(code: int, body: object) -> Response:
    """Return anything as JSON."""
    return Response(msgspec.json.encode(body), code, content_type="application/json")


def problem(code: int, message: str, retry_after: int | None = None) -> Response:
    """Return what is wrong, and after how many seconds to try again."""
    response = answer(code, {"status": "Error", "message": message})
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def http_problem(error: HTTPException) -> WerkzeugResponse:
    """Return what Flask refuses in the same form."""
    if error.response is not None:
        return cast("WerkzeugResponse", error.response)
    response = problem(error.code or 500, (error.description or error.name).rstrip("."))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def failure(_: Exception) -> Response:
    """Return what may be said of an error that nobody expected; the rest is in the journal."""
    current_app.logger.exception("the request failed")
    return problem(500, "the request failed")
