"""From a notebook's bytes to its summary: pure, and never more than a summary can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import msgspec
import nbformat

from . import clean
from .model import Cell, Output, State, Summary

LAST = 10
"""Cells of a notebook that its summary shows."""
SOURCE_LINES = 100
OUTPUTS = 20
"""Outputs of a cell that are shown; the last ones."""
STUCK = 3
"""Times that one runs into the same error before one is stuck."""

Tries = dict[str, tuple[str, ...]]
"""By error: the runs that ended in it, each as cell and number of its run."""


class UnreadableError(Exception):
    """The bytes are no notebook."""

    def __init__(self, state: State, note: str) -> None:
        super().__init__(note)
        self.state = state


def summarise(
    about: Summary, content: bytes, tries: Tries, limit: int, last: int = LAST
) -> tuple[Summary, Tries]:
    """Return the summary of a notebook, and the tries to be handed in with its next one.

    Args:
        about: whose it is; what it holds besides is replaced.
        content: the file.
        tries: what the summary before this one returned.
        limit: bytes of the summary in JSON; what is too much goes, outputs of the earlier cells first.
        last: cells to show.
    """
    try:
        notebook = parse(content)
    except UnreadableError as error:
        return msgspec.structs.replace(about, state=error.state, note=str(error)), tries
    cells = notebook["cells"]
    shown = [_cell(cell) for cell in cells[-last:]]
    now = _tries(cells, tries)
    return msgspec.structs.replace(
        about,
        state=State.SHOWN,
        total=len(cells),
        cells=tuple(_fitting(shown, limit)),
        errors=sum(1 for cell in cells for _ in _errors(cell)),
        stuck=next((error for error, runs in now.items() if len(runs) >= STUCK), ""),
    ), now


def parse(content: bytes) -> Mapping[str, Any]:
    """Return a notebook in the present format, with joined lines.

    Raises:
        UnreadableError: it is none.
    """
    try:
        decoded = content.decode()
        if not isinstance(json.loads(decoded), dict):
            raise UnreadableError(State.INVALID, "the file holds no notebook")
        notebook = nbformat.reads(decoded, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook, relax_add_props=True)
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
            raise UnreadableError(State.HALF_WRITTEN, "the file ends too early") from error
        raise UnreadableError(State.INVALID, f"the file is not JSON: line {error.lineno}") from error
    except UnreadableError:
        raise
    except RecursionError as error:
        raise UnreadableError(State.INVALID, "the file is nested too deeply") from error
    except Exception as error:  # what nbformat says of strange files is of many kinds
        said = str(error).strip().partition("\n")[0]
        raise UnreadableError(
            State.INVALID, f"the file is not a notebook: {clean.text(said)[0][:200]}"
        ) from error
    return cast("Mapping[str, Any]", notebook)


def _cell(cell: Mapping[str, Any]) -> Cell:
    kind = cast("Literal['code', 'markdown', 'raw']", cell["cell_type"])
    source, _ = clean.text(cell["source"], SOURCE_LINES)
    if kind != "code":
        return Cell(kind, source, clean.markdown(cell["source"]) if kind == "markdown" else "")
    count = cell.get("execution_count")
    outputs = [output for each in _joined(cell["outputs"]) if (output := _output(each))]
    return Cell(kind, source, "", count if isinstance(count, int) else None, tuple(outputs[-OUTPUTS:]))


def _joined(outputs: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield outputs, of which those that went on writing to the same stream are one."""
    before: dict[str, Any] | None = None
    for output in outputs:
        if before and output["output_type"] == "stream" and output["name"] == before["name"]:
            before["text"] += output["text"]
            continue
        if before:
            yield before
        before = dict(output) if output["output_type"] == "stream" else None
        if not before:
            yield output
    if before:
        yield before


def _output(output: Mapping[str, Any]) -> Output | None:
    kind = output["output_type"]
    if kind == "stream":
        return Output("text", *clean.text(output["text"]))
    if kind == "error":
        lines = "\n".join(output["traceback"]) or _error(output)
        return Output("error", *clean.text(lines))
    return _data(output["data"])


def _data(data: Mapping[str, Any]) -> Output | None:
    """Return the richest form of a value that can be shown."""
    for media in clean.IMAGES:
        if isinstance(data.get(media), str):
            address = clean.image(media, data[media])
            if address:
                return Output("image", address)
            return Output("text", "an image that cannot be shown here")
    for media, rendered in (("text/html", clean.html), ("text/markdown", clean.markdown)):
        if isinstance(data.get(media), str) and (shown := rendered(data[media])):
            return Output("html", shown)
    for media in ("text/plain", "text/latex"):
        if isinstance(data.get(media), str):
            return Output("text", *clean.text(data[media]))
    return None


def _fitting(cells: list[Cell], limit: int) -> list[Cell]:
    """Leave out outputs, those of earlier cells first, then cells, until the rest fits."""
    fitting: list[Cell] = []
    for cell in reversed(cells):
        bare = msgspec.structs.replace(cell, outputs=(Output("text", "left out: too large"),))
        for candidate in (cell, bare):
            size = len(msgspec.json.encode(candidate))
            if size <= limit:
                fitting.append(candidate)
                limit -= size
                break
        else:
            break
    return fitting[::-1]


def _errors(cell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (output for output in cell.get("outputs", ()) if output["output_type"] == "error")


def _error(output: Mapping[str, Any]) -> str:
    """Return an error in one line."""
    said = str(output["evalue"]).strip().partition("\n")[0]
    return clean.text(f"{output['ename']}: {said}".rstrip(": "), 1)[0][:200]


def _tries(cells: list[Mapping[str, Any]], before: Tries) -> Tries:
    """Return the runs that ended in each error which is there now; one that is gone was overcome."""
    now: dict[str, dict[str, None]] = {}
    for index, cell in enumerate(cells):
        for output in _errors(cell):
            error = _error(output)
            runs = now.setdefault(error, dict.fromkeys(before.get(error, ())))
            runs[f"{cell.get('id', index)}:{cell.get('execution_count')}"] = None
    return {error: tuple(runs)[-STUCK:] for error, runs in now.items()}
