"""Templates to texts, with every value quoted for the place it lands in.

A template may write a value bare only when it is one plain word, which means the same in every syntax; anything else
must go through the filter of its syntax, or rendering stops. A value that its syntax cannot hold is refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import Exit, HubError
from .secrets.value import Secret

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+=,-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer names off without an error


class Quoted(str):
    """Text that is already safe where it stands."""

    __slots__ = ()


def render(template: str, **values: object) -> str:
    """Return the template (a path below `provision/templates/`) filled with the values.

    Raises:
        HubError: a value cannot be written where the template puts it.
        jinja2.UndefinedError: the template names a value that was not given.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  each value is quoted by the filter of its syntax
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters.update(FILTERS)
    return environment


def systemd(value: object) -> Quoted:
    r"""Quote one word of a list in a unit file, such as `Environment=`: specifiers and escapes lose their meaning."""
    return Quoted('"' + _backslashed(_text(value, "systemd")).replace("%", "%%") + '"')


def systemd_argument(value: object) -> Quoted:
    """Quote one argument of `ExecStart=` and its like, where variables are replaced too."""
    return Quoted(systemd(value).replace("$", "$$"))


def nginx(value: object) -> Quoted:
    """Quote one parameter of a directive; a dollar sign is refused, since nginx has no way to write it."""
    text = _text(value, "nginx")
    if "$" in text:
        raise _refused(value, "nginx", "nginx would replace what follows $ as a variable")
    return Quoted('"' + _backslashed(text) + '"')


def apache(value: object) -> Quoted:
    """Quote one argument of a directive; `${` and `%{` are refused, since Apache cannot escape them."""
    text = _text(value, "apache")
    if "${" in text or "%{" in text:
        raise _refused(value, "apache", "Apache would replace ${…} and %{…}")
    return Quoted('"' + _backslashed(text) + '"')


def shell(value: object) -> Quoted:
    """Quote one word for a POSIX shell."""
    return Quoted(shlex.quote(_text(value, "shell")))


def sql_literal(value: object) -> Quoted:
    """Quote a string constant, whatever `standard_conforming_strings` says."""
    text = _text(value, "sql").replace("'", "''")
    return Quoted("E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else f"'{text}'")


def sql_identifier(value: object) -> Quoted:
    """Quote the name of a role, database, table or column."""
    text = _text(value, "sql")
    if not 0 < len(text.encode()) <= _IDENTIFIER_BYTES:
        raise _refused(value, "sql", f"a name has 1 to {_IDENTIFIER_BYTES} bytes")
    return Quoted('"' + text.replace('"', '""') + '"')


def html(value: object) -> Quoted:
    """Quote text for a page, between tags or in a quoted attribute."""
    return Quoted(escape(_text(value, "HTML")))


def as_json(value: object) -> Quoted:
    """Write any plain data as JSON in one line of ASCII."""
    return Quoted(json.dumps(value, sort_keys=True))


FILTERS: dict[str, Callable[[object], Quoted]] = {
    "systemd": systemd,
    "systemd_argument": systemd_argument,
    "nginx": nginx,
    "apache": apache,
    "shell": shell,
    "sql_literal": sql_literal,
    "sql_identifier": sql_identifier,
    "html": html,
    "json": as_json,
}


def _finalize(value: object) -> object:
    """Let through what is quoted, a number, or one plain word."""
    if isinstance(value, Quoted) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if type(value) is str and _PLAIN.fullmatch(value):
        return value
    if _is_undefined(value):
        return value
    raise _refused(value, "a template", "it stands there without a quoting filter")


def _is_undefined(value: object) -> bool:
    from jinja2 import Undefined

    return isinstance(value, Undefined)


def _text(value: object, place: str) -> str:
    """Return the text of a value that may stand on one line."""
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(text, int) and not isinstance(text, bool):
        return str(text)
    if not isinstance(text, str):
        raise _refused(value, place, f"it is no text but {type(text).__name__}")
    if _CONTROL.search(text):
        raise _refused(value, place, "it holds a line break or another control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _refused(value, place, "it is no valid Unicode") from None
    return text


def _backslashed(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _refused(value: object, place: str, why: str) -> HubError:
    return HubError(
        "unquotable-value",
        f"{value!r} cannot be written into {place} configuration",
        why=why,
        exit_code=Exit.INVENTORY,
    )
