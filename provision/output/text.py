"""Text for people, as pure functions: cleaned of what could steer a terminal, laid out without one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from ..errors import HubError, HubErrors

MOST_ERRORS = 20  # what fits on a screen

# CSI, OSC and the other strings, then two-character sequences; longest first.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-~]"
)
# Control characters but tab and newline, C1 controls, and those that turn the direction of the text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# All that somebody takes for the end of a line: what is one line here must not be two further on.
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class Line(NamedTuple):
    """A line of an error, and what it is."""

    kind: Literal["title", "why", "hint"]
    text: str


def clean(text: str) -> str:
    """Return a text without escape sequences and control characters; newlines and tabs stay."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", _ESCAPES.sub("", text)))


def one_line(text: str) -> str:
    """Return a text as one line, cleaned."""
    return " ".join(clean(text).split())


def cleaned(value: object) -> object:
    """Return plain data with all its texts cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(each) for key, each in value.items()}
    return [cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def harmless_in_actions(text: str) -> str:
    """Return a text in which GitHub Actions finds no workflow commands."""
    return re.sub(r"^(\s*):(?=:)", r"\1: ", text, flags=re.MULTILINE).replace("##[", "# #[")


def seconds(duration: float) -> str:
    """Write a duration: `0.4 s`, `12 s`, `3 min 5 s`."""
    if duration < 10:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def table_lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines, columns aligned and nothing cut."""
    cells = [[" ".join(cell.split()) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    yield title
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def each(error: HubError) -> tuple[HubError, ...]:
    """Return the errors of a collection, or the error itself."""
    return error.errors if isinstance(error, HubErrors) else (error,)


def error_lines(error: HubError) -> Iterator[Line]:
    """Yield the lines of an error, of many those that fit on a screen."""
    errors = each(error)
    for item in errors[:MOST_ERRORS]:
        place = f"{item.where}: " if item.where else ""
        yield from _lines("title", "", f"{place}error: {item.message} [{item.code}]")
        yield from _lines("why", "  ", item.why)
        yield from _lines("hint", "  hint: ", item.hint)
    if len(errors) > MOST_ERRORS:
        yield Line("hint", f"… and {len(errors) - MOST_ERRORS} more; --json lists them all")
    elif len(errors) > 1:
        yield Line("hint", f"{len(errors)} errors")


def _lines(kind: Literal["title", "why", "hint"], prefix: str, text: str) -> Iterator[Line]:
    for number, line in enumerate(clean(text).splitlines()):
        yield Line(kind, (prefix if number == 0 else " " * len(prefix)) + line)


def annotation(error: HubError) -> str:
    """Return the GitHub workflow command that marks an error in the inventory."""
    place = ""
    if error.where:
        place = f"file={_property(error.where.file)},line={error.where.line},col={error.where.column},"
    body = "\n".join(part for part in (error.message, error.why, error.hint) if part)
    return f"::error {place}title={_property(error.code)}::{_escaped(body)}"


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\n", "%0A")
