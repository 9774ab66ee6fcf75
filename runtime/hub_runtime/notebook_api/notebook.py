"""A notebook as an API, in the format of Kernel Gateway's notebook-http mode.

The first line of a cell is its annotation: ``# GET /path/:name`` makes it part of an endpoint, ``# ResponseInfo GET
/path/:name`` of what says its status and headers. All other cells are run when a kernel starts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import nbformat

from . import options
from .options import OptionError, Options

METHODS = ("GET", "PUT", "POST", "DELETE")
_ANNOTATION = re.compile(rf"#\s+(ResponseInfo\s+)?({'|'.join(METHODS)})\s+(/.*)")
PARAMETER = re.compile(r":([^/\s]+)")
"""A name in a path, for what varies."""
_TEST = "test"


class NotebookError(Exception):
    """The notebook cannot be served: which of its cells is wrong, and why."""


class Cell(NamedTuple):
    """Code, and the number of its cell, from 1."""

    number: int
    source: str


class Endpoint(NamedTuple):
    """What answers one method at one path.

    Args:
        method: the method.
        path: the path as annotated, with `:name` for what varies.
        source: the code of its cells.
        info: the code that says status and headers, or nothing.
        options: what it asks for.
    """

    method: str
    path: str
    source: str
    info: str
    options: Options

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self.method} {self.path}"


class Place(NamedTuple):
    """One path and its endpoints by method."""

    path: str
    pattern: re.Pattern[str]
    endpoints: Mapping[str, Endpoint]


class Notebook(NamedTuple):
    """A notebook that can be served.

    Args:
        title: the name of its file.
        folder: where its file is.
        first: the cells that are run when a kernel starts.
        tests: the cells tagged `test`.
        places: its paths, in the order in which they are tried.
    """

    title: str
    folder: Path
    first: tuple[Cell, ...]
    tests: tuple[Cell, ...]
    places: tuple[Place, ...]

    @property
    def endpoints(self) -> list[Endpoint]:
        """All endpoints."""
        return [endpoint for place in self.places for endpoint in place.endpoints.values()]

    def find(self, path: str) -> tuple[Place, dict[str, str]] | None:
        """Return the place that a path leads to, and what stands for its names.

        Args:
            path: as it was sent, percent-encoded.
        """
        for place in self.places:
            if match := place.pattern.fullmatch(path):
                return place, {name: unquote(text) for name, text in match.groupdict().items()}
        return None


def read(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        NotebookError: it is none, or none that can be served.
    """
    cells, language = _cells(path)
    if language != "python":
        raise NotebookError(f"{path.name}: its language is {language}; only Python is served")
    first: list[Cell] = []
    tests: list[Cell] = []
    sources: dict[tuple[str, str], list[Cell]] = {}
    infos: dict[tuple[str, str], str] = {}
    for number, cell in cells:
        source = cell["source"]
        match = _ANNOTATION.match(source)
        if match is None:
            tagged = _TEST in cell["metadata"].get("tags", ())
            (tests if tagged else first).append(Cell(number, source))
            continue
        key = (match[3].strip(), match[2])
        if match[1]:
            infos[key] = infos.get(key, "") + f"{source}\n"
        else:
            sources.setdefault(key, []).append(Cell(number, source))
    if not sources:
        raise NotebookError(f"{path.name}: no cell begins with an annotation such as `# GET /hello`")
    endpoints = [_endpoint(path.name, *key, found, infos.get(key, "")) for key, found in sources.items()]
    return Notebook(
        path.name.split(".")[0], path.parent.resolve(), tuple(first), tuple(tests), _places(endpoints)
    )


def _cells(path: Path) -> tuple[list[tuple[int, Any]], str]:
    """Return the code cells with their numbers, and the notebook's language."""
    try:
        content = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(content)
    except OSError as error:
        raise NotebookError(f"{path}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise NotebookError(f"{path.name}: it is no notebook: {str(error).strip()[:300]}") from error
    except nbformat.ValidationError as error:
        raise NotebookError(f"{path.name}: it is no notebook: {error.message[:300]}") from error
    metadata = content["metadata"]
    language = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    cells = [(number, cell) for number, cell in enumerate(content["cells"], 1) if cell["cell_type"] == "code"]
    return cells, (language or "python").lower()


def _endpoint(file: str, path: str, method: str, cells: list[Cell], info: str) -> Endpoint:
    texts: dict[str, str] = {}
    for cell in cells:
        found = _options(file, cell)
        if twice := texts.keys() & found.keys():
            raise NotebookError(
                f"{file}: cell {cell.number}: an earlier cell of {method} {path} has `@{min(twice)}`, too"
            )
        texts |= found
    chosen = options.parse(texts)
    if chosen.stream and info:
        why = "an answer that is streamed has begun before its ResponseInfo is run"
        raise NotebookError(f"{file}: {method} {path}: {why}")
    return Endpoint(method, path, "".join(f"{cell.source}\n" for cell in cells), info, chosen)


def _options(file: str, cell: Cell) -> dict[str, str]:
    try:
        found = options.read(cell.source.splitlines()[1:])
        options.parse(found)
    except OptionError as error:
        raise NotebookError(f"{file}: cell {cell.number}: {error}") from error
    return found


def _places(endpoints: list[Endpoint]) -> tuple[Place, ...]:
    """Return the places in the order in which they are tried: what is fixed the longest comes first."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    ordered = sorted(paths, key=_fixed, reverse=True)
    return tuple(Place(path, _pattern(path), paths[path]) for path in ordered)


def _fixed(path: str) -> int:
    """Return how many segments of a path come before its first name."""
    before, colon, _ = path.partition(":")
    return before.count("/") - 1 if colon else sys.maxsize


def _pattern(path: str) -> re.Pattern[str]:
    pattern, end = "", 0
    names: set[str] = set()
    for match in PARAMETER.finditer(path):
        name = match[1]
        if not name.isidentifier() or name in names:
            raise NotebookError(f"{path}: `:{name}` is no name, or stands there twice")
        names.add(name)
        pattern += re.escape(path[end : match.start()]) + f"(?P<{name}>[^/]+)"
        end = match.end()
    return re.compile(pattern + re.escape(path[end:]))
