"""What comes of cells, as HTTP."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from .kernel import Result

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that are the server's affair."""


class InfoError(Exception):
    """A ResponseInfo cell did not print what it should."""


def body(result: Result) -> str:
    """Return what was printed, else the value as JSON of its representations."""
    if result.text:
        return result.text
    return json.dumps(result.value) if result.value else ""


def respond(content: str, info: str | None = None) -> Response:
    """Return the answer.

    Args:
        content: its body.
        info: what came of the ResponseInfo cell, if there is one.

    Raises:
        InfoError: that is not a status and headers.
    """
    status, headers = (200, {}) if info is None else _parse(info)
    without = status in (204, 304)
    response = Response(b"" if without else content.encode("utf-8", "replace"), status)
    if not without:
        response.headers["Content-Type"] = "text/plain"
    for name, text in headers.items():
        response.headers[name] = text
    return response


def problem(status: int, message: str, headers: dict[str, str] | None = None, **more: str) -> Response:
    """Return an error as JSON."""
    content = json.dumps({"reason": HTTPStatus(status).phrase, "message": message, **more})
    return Response(content, status, headers, media_type="application/json")


def _parse(info: str) -> tuple[int, dict[str, str]]:
    try:
        said: Any = json.loads(info)
    except ValueError as error:
        raise InfoError(f"it prints no JSON: {info[:200]!r}") from error
    if not isinstance(said, dict):
        raise InfoError(f"it prints no object: {info[:200]!r}")
    status, headers = said.get("status", 200), said.get("headers", {})
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InfoError(f"no status: {status!r}")
    if not isinstance(headers, dict):
        raise InfoError(f"no headers: {headers!r}")
    return status, {name: _header(name, value) for name, value in headers.items() if name.lower() not in _OWN}


def _header(name: str, value: object) -> str:
    text = str(value)
    if not _NAME.fullmatch(name) or not text.isprintable() or not text.isascii():
        raise InfoError(f"no header: {name!r}: {text[:200]!r}")
    return text
