"""Requests and answers as the DigitalOcean API has them: bodies, errors, pages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from flask import Response, jsonify, request

_MAX_PER_PAGE = 200
T = TypeVar("T")


class RequestError(Exception):
    """An answer other than success: HTTP status, DigitalOcean's error id, and a sentence for people."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.message = status, name, message

    def response(self) -> Response:
        """Make the error's answer."""
        body = {"id": self.name, "message": self.message, "request_id": str(uuid.uuid4())}
        answer: Response = jsonify(body)
        answer.status_code = self.status
        return answer


def not_found() -> RequestError:
    """Say that there is nothing at this address."""
    return RequestError(404, "not_found", "The resource you were accessing could not be found.")


def unprocessable(message: str) -> RequestError:
    """Say what is wrong with a request's content."""
    return RequestError(422, "unprocessable_entity", message)


def body(kind: type[T]) -> T:
    """Read the JSON body as `kind`; a null counts as absent, since common clients send nulls for defaults."""
    data = request.get_json(silent=True, force=True)
    if not isinstance(data, dict):
        raise RequestError(400, "bad_request", "The request body is not a JSON object.")
    try:
        return msgspec.convert({key: value for key, value in data.items() if value is not None}, kind)
    except msgspec.ValidationError as error:
        raise unprocessable(f"{error}") from None


def page(key: str, items: Sequence[Any]) -> dict[str, Any]:
    """Cut the page that the request asks for, with absolute links to its neighbours."""
    number, size = _positive("page", 1), min(_positive("per_page", 20), _MAX_PER_PAGE)
    last = max(1, -(-len(items) // size))
    links: dict[str, str] = {}
    if number > 1:
        links |= {"first": _link(1), "prev": _link(min(number - 1, last))}
    if number < last:
        links |= {"next": _link(number + 1), "last": _link(last)}
    shown = items[(number - 1) * size : number * size]
    return {key: list(shown), "links": {"pages": links} if links else {}, "meta": {"total": len(items)}}


def _positive(name: str, default: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise RequestError(400, "bad_request", f"{name} must be a positive number.")
    return int(text)


def _link(number: int) -> str:
    # Flask joins the parts itself, so that the address is the one that the client used.
    return f"{request.base_url}?{urlencode({**request.args, 'page': number})}"
