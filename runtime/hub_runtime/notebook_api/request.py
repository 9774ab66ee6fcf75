"""What a cell finds as REQUEST: JSON of the body, the query, the path's names and the headers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
_FIELDS = 1000


class Refused(Exception):  # noqa: N818
    """A request that is not taken: the status, and why."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}


async def read_body(request: Request, most: int) -> bytes:
    """Return the body.

    Raises:
        Refused: it has more bytes than it may have.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= most:
            parts.append(part)
        elif size > 8 * most:  # the client reads the answer only when all is sent, but there is an end to it
            break
    if size > most:
        raise Refused(413, f"the body has more than {most:,} bytes")
    return b"".join(parts)


async def parse_body(request: Request, body: bytes, schema: Any) -> Any:
    """Return the body as cells know it: of JSON its value, of a form its fields as lists, else the text.

    Args:
        request: the request.
        body: its body.
        schema: what it must fit, if anything; then it has to be JSON.

    Raises:
        Refused: it does not fit, or is no text.
    """
    kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if schema is not None and kind != JSON:
        raise Refused(415, f"the request needs the header Content-Type: {JSON}")
    if kind == MULTIPART:
        return await _multipart(request, body)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is no UTF-8 text: {error.reason} at byte {error.start}") from error
    if kind == FORM:
        return _form(text)
    if kind != JSON:
        return text
    return _json(text, schema)


def _json(text: str, schema: Any) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if schema is None:
            return text  # cells that expect no JSON have always got the text
        raise Refused(400, f"the body is no JSON: {error}") from error
    if schema is not None and (wrong := best_match(Draft202012Validator(schema).iter_errors(value))):
        raise Refused(422, f"the body does not fit: {wrong.json_path}: {wrong.message[:300]}")
    return value


def _form(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise Refused(400, f"the body is no form of at most {_FIELDS} fields") from error


async def _multipart(request: Request, body: bytes) -> dict[str, list[str]]:
    """Return the fields of a form; files are left out."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request(request.scope, receive).form(max_fields=_FIELDS, max_part_size=len(body))
    except (HTTPException, MultiPartException) as error:
        raise Refused(400, f"the body is no form: {getattr(error, 'detail', error)}") from error
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, []).append(value)
    await form.close()
    return fields


def bundle(request: Request, body: Any, path: dict[str, str]) -> str:
    """Return the text of REQUEST."""
    query = request.scope["query_string"].decode("latin-1")
    args = parse_qs(query, keep_blank_values=True, errors="replace")
    return json.dumps({"body": body, "args": args, "path": path, "headers": _headers(request.headers.raw)})


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, text in raw:
        key = "-".join(word.capitalize() for word in name.decode("latin-1").split("-"))
        value, former = text.decode("latin-1"), found.get(key)
        if former is None:
            found[key] = value
        else:
            found[key] = [*(former if isinstance(former, list) else [former]), value]
    return found
