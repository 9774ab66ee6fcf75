"""Server-sent events, as the pages' script wants them.

A page refreshes itself at each event whose name its ``listen`` has, and takes a line without any event for
`QUIET` seconds to be lost: send a `PING` at least every `PING_EVERY`. Comments do not count, a script cannot see them.
"""

from __future__ import annotations

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
PING_EVERY = 10.0
QUIET = 30.0
"""Seconds."""


def encode(event: str, data: str = "", identifier: str | None = None) -> str:
    """Return one event on the wire; data may have several lines."""
    lines = [] if identifier is None else [f"id: {identifier}"]
    lines.append(f"event: {event}")
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return "\n".join(lines) + "\n\n"


PING = encode("ping")
