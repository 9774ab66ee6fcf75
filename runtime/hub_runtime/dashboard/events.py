"""What is sent to ``/events``, and what may be asked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from .people import moment
from .store import FIELDS

Short = Annotated[str, msgspec.Meta(max_length=256)]
Long = Annotated[str, msgspec.Meta(max_length=4096)]
MILLISECONDS = 20_000_000_000
"""Numbers beyond are no seconds of this millennium."""


class EventError(Exception):
    """What is wrong, in words for who sent it."""


class NewEvent(msgspec.Struct, frozen=True):
    """An event as it is sent; what it holds besides is ignored."""

    type: Short
    user: Short
    filename: Long
    path: Long
    timestamp: Any = None


def decode(body: bytes) -> tuple[NewEvent, str]:
    """Return an event that was sent, and its moment: without one, it is now.

    Raises:
        EventError: it is none.
    """
    try:
        event = msgspec.json.decode(body, type=NewEvent)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise EventError(f"the event is not valid: {error}") from error
    return event, moment() if event.timestamp is None else _moment(event.timestamp)


def filters(arguments: Mapping[str, str]) -> tuple[dict[str, str], int | None]:
    """Return what the fields of events are to be, and the position they are to be newer than.

    Args:
        arguments: those of the request.

    Raises:
        EventError: a filter is unknown, or `since` no position.
    """
    wanted = {name: value for name, value in arguments.items() if name != "since"}
    if unknown := sorted(set(wanted) - set(FIELDS)):
        raise EventError(
            f"unknown filter {', '.join(unknown)[:200]}; known are {', '.join(FIELDS)} and since"
        )
    if "timestamp" in wanted:
        # The plus of an offset is a blank where nobody escaped it.
        wanted["timestamp"] = _moment(re.sub(r"(T\S*) (\d\d:?\d\d)$", r"\1+\2", wanted["timestamp"]))
    return wanted, position(arguments.get("since"))


def position(text: str | None) -> int | None:
    """Return a position that somebody names.

    Raises:
        EventError: it is none.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise EventError("since is no position: the header Events-Position of an answer names one")
    return int(text)


def _moment(given: Any) -> str:
    try:
        if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) > MILLISECONDS:
            given = given / 1000
        return msgspec.convert(given, datetime, strict=False).isoformat()
    except (msgspec.ValidationError, OverflowError) as error:
        raise EventError(f"the timestamp is none: {error}") from error
