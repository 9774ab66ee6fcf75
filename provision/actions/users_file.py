"""A class in a file: CSV, or lines of `user:password`. Every mistake has its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError, HubErrors, Position
from ..inventory.people import cure_for, name_trouble
from ..node.users.names import password_problem
from ..reading import read_regular
from ..secrets.value import Secret
from .users import Person, person

_COLUMNS = ("name", "password", "admin")
_YES, _NO = ("yes", "true", "1", "x", "admin"), ("no", "false", "0")


@dataclass(frozen=True)
class Row:
    """Somebody in a file, and the line."""

    person: Person
    line: int


def read(path: Path) -> list[Row]:
    """Read a class.

    Raises:
        OSError: the file cannot be read.
        HubErrors: it has mistakes, all of them.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _mistake(path, error.object[: error.start].count(b"\n") + 1, "is no UTF-8", _SAVE) from None
    rows, mistakes = parse(text, path)
    if not rows and not mistakes:
        mistakes = [_mistake(path, 1, "names nobody", "write a name on each line")]
    raise_all(mistakes)
    return rows


_SAVE = "save it as UTF-8, in a spreadsheet as `CSV UTF-8`"


def raise_all(mistakes: Sequence[HubError]) -> None:
    """Raise mistakes, if there are any."""
    if mistakes:
        raise HubErrors(mistakes)


def parse(text: str, path: Path) -> tuple[list[Row], list[HubError]]:
    """Return the people of a text, and its mistakes."""
    lines = [(number, cells) for number, cells in _cells(text) if any(cell.strip() for cell in cells)]
    columns: Sequence[str] = _COLUMNS
    mistakes: list[HubError] = []
    head = [cell.strip().lower() for cell in lines[0][1]] if lines else []
    if "name" in head:
        number, columns = lines.pop(0)[0], head
        unknown = [column for column in columns if column not in _COLUMNS]
        if unknown or len(set(columns)) < len(columns):
            what = f"has the columns {', '.join(columns)}"
            return [], [_mistake(path, number, what, "the columns are `name`, `password` and `admin`")]
    rows: list[Row] = []
    first: dict[str, int] = {}
    for number, cells in lines:
        found = _row(cells, columns, number, path)
        if isinstance(found, HubError):
            mistakes.append(found)
        elif before := first.get(found.name):
            what = f"names {found.name} a second time, after line {before}"
            mistakes.append(_mistake(path, number, what, "leave one of the two out"))
        else:
            first[found.name] = number
            rows.append(Row(found, number))
    return rows, mistakes


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that says something; the first mark in the text tells how they are parted."""
    told = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    mark = next((letter for letter in (told[0] if told else "") if letter in ":,;\t"), ",")
    if mark == ":":
        for number, line in enumerate(text.splitlines(), 1):
            if not line.startswith("#"):
                name, _, password = line.partition(":")
                yield number, [name, password]
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    for cells in reader:
        if cells and not cells[0].startswith("#"):
            yield reader.line_num, cells


def _row(cells: Sequence[str], columns: Sequence[str], number: int, path: Path) -> Person | HubError:
    if len(cells) > len(columns):
        what = f"has {len(cells)} cells, and may have {len(columns)}: {', '.join(columns)}"
        return _mistake(path, number, what, "a cell with a comma in it stands in quotes")
    values = dict.fromkeys(_COLUMNS, "") | dict(zip(columns, map(str.strip, cells), strict=False))
    name, password, admin = values["name"], values["password"], values["admin"].lower()
    if why := name_trouble(name):
        return _mistake(path, number, f"names {name!r}: {why}", cure_for(name))
    if password and (why := password_problem(name, password)):
        return _mistake(path, number, f"has a password that is not taken: {why}", "leave it out: one is made")
    if admin not in ("", *_YES, *_NO):
        return _mistake(path, number, f"says {admin!r} for admin", "write `yes` or `no`")
    return person(name, Secret(password) if password else None, admin=admin in _YES if admin else None)


def taken(rows: Iterable[Row], others: Iterable[str], path: Path) -> list[HubError]:
    """Return the mistakes of people whose names belong to others on the node."""
    names = set(others)
    return [
        _mistake(
            path,
            row.line,
            f"names {row.person.name}, which is an account or group of the node's system",
            f"did you mean `{row.person.name[:30]}-1`?",
        )
        for row in rows
        if row.person.name in names
    ]


def _mistake(path: Path, line: int, what: str, hint: str) -> HubError:
    return HubError(
        "bad-user",
        f"the line {what}",
        hint=hint,
        exit_code=Exit.INVENTORY,
        where=Position(str(path), line, 1),
    )
