"""What the dashboard knows. Moments are ISO 8601 texts in UTC; all text is plain unless it says otherwise."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import msgspec

NEARLY = 80
"""Percent of what a home may hold from which on it is nearly full."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened, once for each type, user and path: the latest of its kind.

    Attributes:
        id: stays the same when the event happens again.
        filename: the path below the user's home.
        path: the whole path.
        timestamp: as the sender said, or when it came.
    """

    id: int
    type: str
    user: str
    filename: str
    path: str
    timestamp: str


class Change(msgspec.Struct, frozen=True):
    """Something that became different: what live pages are told.

    Attributes:
        position: grows with every change.
        kind: `event`, `summary` or `participant`, with a body of that name; of a summary, its `Digest`.
    """

    position: int
    kind: Literal["event", "summary", "participant"]
    body: Event | Digest | Participant


class State(str, Enum):
    """What could be made of a notebook's file."""

    SHOWN = "shown"
    HALF_WRITTEN = "half-written"
    INVALID = "invalid"
    HUGE = "huge"
    MISSING = "missing"
    FOREIGN = "foreign"
    """Not the user's own file, or none: a link, a folder."""


class Output(msgspec.Struct, frozen=True):
    """One output of a cell.

    Attributes:
        kind: what `content` is.
        content: text; the traceback of an error; sanitised HTML; the `data:` address of an image.
        cut: lines left out of the middle.
    """

    kind: Literal["text", "error", "html", "image"]
    content: str
    cut: int = 0


class Cell(msgspec.Struct, frozen=True):
    """One cell.

    Attributes:
        source: as written.
        html: sanitised HTML of a markdown cell; else empty.
        count: the number that the kernel gave its run, if it ran.
    """

    kind: Literal["code", "markdown", "raw"]
    source: str
    html: str = ""
    count: int | None = None
    outputs: tuple[Output, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """The end of one user's copy of a notebook. HTML in it belongs into sandboxed frames only.

    Attributes:
        note: why it is not shown, in words; empty where it is.
        saved: when the rendered state was saved.
        total: cells of the whole notebook.
        cells: the last ones.
        errors: errors among the outputs of the whole notebook.
        stuck: the error that was run into three times, as one line; else empty.
    """

    user: str
    filename: str
    path: str
    state: State
    saved: str
    note: str = ""
    total: int = 0
    cells: tuple[Cell, ...] = ()
    errors: int = 0
    stuck: str = ""


class Digest(msgspec.Struct, frozen=True):
    """A summary without its cells: where it is, and what there is to know at a glance."""

    user: str
    filename: str
    saved: str
    total: int
    errors: int
    stuck: str


class Home(msgspec.Struct, frozen=True):
    """How full a home is.

    Attributes:
        used: bytes on the disk.
        limit: what it may hold, in bytes.
    """

    used: int
    limit: Annotated[int, msgspec.Meta(ge=1)]

    @property
    def percent(self) -> int:
        """How much of what it may hold it does."""
        return 100 * self.used // self.limit

    @property
    def nearly_full(self) -> bool:
        """Whether it is time to make room."""
        return self.percent >= NEARLY


class Participant(msgspec.Struct, frozen=True):
    """One user of the hub, over all notebooks that viewers may see. Of who paused, only the name is known.

    Attributes:
        active: whether something was saved lately.
        saved: the last save, if any.
        errors: errors in the outputs of the notebook saved last.
        stuck: the error that keeps coming in it; else empty.
        hand: since when a hand is up, if it is.
        cells: cells of the notebook saved last.
        notebooks: `filename` of each notebook, the one saved last first.
        home: how full the home is, where the hub has a limit.
    """

    name: str
    active: bool = False
    saved: str | None = None
    errors: int = 0
    stuck: str = ""
    hand: str | None = None
    paused: bool = False
    cells: int = 0
    notebooks: tuple[str, ...] = ()
    home: Home | None = None
