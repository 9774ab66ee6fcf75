"""What a node may say: one event a line, each of a known kind, with fields of known types, in bounds.

A node is not to be trusted. Whatever else comes is `Garbled`, which ends the conversation with that node alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

LONGEST_LINE = 8 << 20  # a diff has 20 kB, the history of 5,000 runs 8 MB
MOST_BYTES = 64 << 20
MOST_EVENTS = 30_000  # a run of two hours whose progress changes three times a second
_SHOWN = 200

Text = Annotated[str, Meta(max_length=1 << 20)]
Name = Annotated[str, Meta(max_length=4096)]
Code = Annotated[str, Meta(pattern=r"\A[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0, le=1 << 31)]
Seconds = Annotated[float, Meta(ge=0, le=1 << 31)]


class Garbled(Exception):  # noqa: N818  it says what came
    """What came is nothing that the engine says."""


class Holder(Struct, frozen=True, omit_defaults=True):
    """Who works on a node, as they described themselves."""

    who: Name = ""
    origin: Name = msgspec.field(name="from", default="")
    command: Text = ""
    started: Name = ""
    since: Name = ""
    id: Name = ""
    pid: Count | None = None

    def __str__(self) -> str:
        """Describe the holder in one line."""
        who, command = self.who or "somebody", self.command or "?"
        return f"`{command}` by {who} from {self.origin or '?'} since {self.started or '?'}"


class Change(Struct, frozen=True):
    """What of a resource differs."""

    what: Text
    diff: Text = ""


class Start(Struct, frozen=True, tag_field="event", tag="start"):
    """A run begins."""

    total: Count
    pending: list[Name] = []


class Resource(Struct, frozen=True, tag_field="event", tag="resource"):
    """What became of a resource."""

    id: Name
    status: Literal["ok", "changed", "would-change", "failed", "interrupted"]
    changes: list[Change]
    seconds: Seconds


class Unit(Struct, frozen=True, tag_field="event", tag="unit"):
    """Something was done to a unit."""

    name: Name
    action: Name
    why: list[Name] = []


class Progress(Struct, frozen=True, tag_field="event", tag="progress"):
    """What the run is at."""

    text: Text
    id: Name = ""


class Need(Struct, frozen=True, tag_field="event", tag="need"):
    """Content that is not on the node."""

    blobs: list[Sha256]


class Locked(Struct, frozen=True, tag_field="event", tag="locked"):
    """Somebody else works on the node."""

    holder: Holder


class Data(Struct, frozen=True, tag_field="event", tag="data"):
    """The answer of an operation, which is read as that operation's (`answers.py`)."""

    data: Raw


class Error(Struct, frozen=True, tag_field="event", tag="error"):
    """Why the run did not do what it was asked for."""

    code: Code
    message: Text
    id: Name = ""
    why: Text = ""
    hint: Text = ""


class End(Struct, frozen=True, tag_field="event", tag="end"):
    """The run is over; nothing comes after it."""

    ok: Count
    changed: Count
    failed: Count
    seconds: Seconds
    result: Literal["done", "failed", "interrupted", "locked"]
    pending: list[Name] = []


Event = Start | Resource | Unit | Progress | Need | Locked | Data | Error | End
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def read(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events in what comes from a node, however it is cut; a line without its end is no event.

    Raises:
        Garbled: something else came, or too much.
    """
    for number, line in enumerate(_lines(pieces)):
        if number >= MOST_EVENTS:
            raise Garbled(f"it says more than {MOST_EVENTS:,} things")
        try:
            yield _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise garbled(error, line) from None


def garbled(error: Exception, said: bytes) -> Garbled:
    """Return what is wrong with something that was said, and how it begins."""
    begin = said[:_SHOWN].decode(errors="replace")
    return Garbled(f"{error}\nit says: {begin}{'…' if len(said) > _SHOWN else ''}")


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest, total = bytearray(), 0
    for piece in pieces:
        total += len(piece)
        if total > MOST_BYTES:
            raise Garbled(f"it says more than {MOST_BYTES:,} bytes")
        *whole, last = piece.split(b"\n")
        for part in whole:
            yield bytes(rest) + part
            rest.clear()
        rest += last
        if len(rest) > LONGEST_LINE:
            raise Garbled(f"it says a line of more than {LONGEST_LINE:,} bytes")
