"""What an endpoint asks for, in comments right below its annotation: ``# @token``, ``# @rate 10/minute``, …"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

_OPTION = re.compile(r"#\s*@(\w+)\s*(.*)")
_FURTHER = re.compile(r"#\s{2,}(\S.*)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LONGEST = 3600
"""Seconds that an endpoint may ask for at most."""


class OptionError(ValueError):
    """An option that cannot be what was meant."""


class Rate(msgspec.Struct, frozen=True):
    """So many requests of one client in so many seconds."""

    requests: int
    seconds: int


class Options(msgspec.Struct, frozen=True):
    """What one endpoint asks for beyond its annotation.

    Attributes:
        summary: what it does, in a line.
        token: whether a request needs the API's token.
        rate: how often one client may ask.
        body: JSON Schema of the request's body.
        answer: JSON Schema of the answer's body.
        stream: content type of an answer that is sent while the cell runs.
        deadline: seconds that a request may wait and run.
    """

    summary: str = ""
    token: bool = False
    rate: Rate | None = None
    body: dict[str, Any] | bool | None = None
    answer: dict[str, Any] | bool | None = None
    stream: str | None = None
    deadline: int | None = None


def read(lines: Iterable[str]) -> dict[str, str]:
    """Return the options in the first of these lines; what has two blanks after its ``#`` carries an option on.

    Raises:
        OptionError: the same one twice.
    """
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if option := _OPTION.fullmatch(line.strip()):
            name = option[1]
            if name in found:
                raise OptionError(f"`@{name}` stands there twice")
            found[name] = option[2]
        elif name and (further := _FURTHER.fullmatch(line.strip())):
            found[name] += f" {further[1]}"
        else:
            break
    return found


def parse(texts: dict[str, str]) -> Options:
    """Return what the options mean.

    Raises:
        OptionError: there is no such option, or it is not one.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in _PARSERS:
            raise OptionError(
                f"there is no option `@{name}`; there are {', '.join(f'@{n}' for n in _PARSERS)}"
            )
        try:
            values[name] = _PARSERS[name](text.strip())
        except (ValueError, SchemaError) as error:
            raise OptionError(f"`@{name} {text[:80]}`: {str(error).splitlines()[0]}") from error
    return Options(**values)


def _flag(text: str) -> bool:
    if text:
        raise ValueError("nothing comes after it")
    return True


def _rate(text: str) -> Rate:
    match = re.fullmatch(rf"([1-9]\d{{0,5}})\s*/\s*({'|'.join(_SECONDS)})", text)
    if match is None:
        raise ValueError(f"expected: a number / {', '.join(_SECONDS)}")
    return Rate(int(match[1]), _SECONDS[match[2]])


def _schema(text: str) -> dict[str, Any] | bool:
    schema = json.loads(text)
    if not isinstance(schema, dict | bool):
        raise ValueError("expected: a JSON Schema")
    Draft202012Validator.check_schema(schema)
    return schema


def _content_type(text: str) -> str:
    if text and not re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w-]+)*", text):
        raise ValueError("expected: a content type, or nothing")
    return text or "text/plain; charset=utf-8"


def _deadline(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST:
        raise ValueError(f"expected: seconds, 1 to {LONGEST}")
    return int(text)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "summary": str,
    "token": _flag,
    "rate": _rate,
    "body": _schema,
    "answer": _schema,
    "stream": _content_type,
    "deadline": _deadline,
}
