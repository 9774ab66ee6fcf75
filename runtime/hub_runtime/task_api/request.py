"""The body of ``POST /task``: its type, its limits and what is said when it is wrong."""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal, get_args

import msgspec

from ..tbn.errors import shortened
from .settings import Limits

Row = list[str]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Semantics = Literal["bonds", "partition"]


class TaskRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A network and how many of its configurations are wanted.

    Attributes:
        monomers: one row of tokens a monomer: sites ``a``, ``a*``, ``a:name``, at last ``>name``.
        constraints: rows of a constraint's name and its arguments.
        gen: configurations wanted.
        init_k: fewest polymers a returned configuration may have.
        semantics: ``bonds``: a polymer is held together by bonds; ``partition``: it need not be.
    """

    monomers: list[Row]
    constraints: list[Row] = []
    gen: Count = 1
    init_k: Count = 1
    semantics: Semantics = "bonds"


class BadRequest(Exception):  # noqa: N818 - the name of the HTTP status
    """The body is not a task.

    Attributes:
        field: where in the body, such as ``monomers[0][1]``; empty for the body itself.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(shortened(message))
        self.field = shortened(field)


def decode(body: bytes, limits: Limits) -> TaskRequest:
    """Read a request.

    Raises:
        BadRequest: it is no JSON, a field is missing, unknown or of the wrong type, or a limit is passed.
    """
    try:
        request = msgspec.json.decode(body, type=TaskRequest)
    except msgspec.ValidationError as error:
        raise _from_validation(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _has_half_a_character(body):
            raise BadRequest("the body holds half of a surrogate pair, which is no character") from error
        raise BadRequest(f"the body is not JSON: {error}") from error
    _check_limits(request, limits)
    return request


def _from_validation(text: str) -> BadRequest:
    message, _, path = text.partition(" - at ")
    field = path.strip("`").removeprefix("$").removeprefix(".")
    if message.startswith("Invalid enum value"):
        message = f"{shortened(message, 60)}: expected {' or '.join(get_args(Semantics))}"
    named = re.search(r"(?:required|unknown) field `(\w+)`", message)
    if named and not field:
        field = named.group(1)
    return BadRequest(message[:1].lower() + message[1:], _concrete(field))


def _has_half_a_character(body: bytes) -> bool:
    """Whether an escape of half a surrogate pair, which nothing completes, is all that is wrong."""
    try:
        text = json.dumps(json.loads(body.decode()), ensure_ascii=False)
    except (ValueError, RecursionError):
        return False
    return bool(re.search("[\ud800-\udfff]", text))


def _concrete(field: str) -> str:
    """A path without the decoder's own marks for list positions it does not know."""
    return field.replace("[...]", "[]")


def _check_limits(request: TaskRequest, limits: Limits) -> None:
    sites = sum(len(token.split()) for row in request.monomers for token in row)
    counts = {
        "monomers": [
            (len(request.monomers), limits.monomers, "rows"),
            (sites, limits.sites, "sites in all"),
        ],
        "constraints": [(len(request.constraints), limits.constraints, "rows")],
        "gen": [(request.gen, limits.gen, "configurations")],
    }
    for field, checks in counts.items():
        for value, limit, what in checks:
            if value > limit:
                raise BadRequest(f"{value} {what}, at most {limit} are accepted", field)
