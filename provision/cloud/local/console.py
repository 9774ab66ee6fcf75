"""What a machine writes to its console: read for people who ask why it did not come up."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LARGEST = 64 * 1024
# Colours, cursor movements and titles; then whatever else is no text.
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def end(path: Path, lines: int = 20) -> str:
    """Return the last lines of a console, as plain text; empty when there is none. A machine may write anything."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _LARGEST))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    shown = _CONTROL.sub("", _SEQUENCE.sub("", text)).splitlines()
    return "\n".join([line.rstrip() for line in shown if line.strip()][-lines:])
