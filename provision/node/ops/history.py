"""history: what was done to this node."""

from __future__ import annotations

from .. import audit
from ..request import Request
from ..system import STATE
from .answer import answer

_LAST = 100


def history(request: Request) -> int:
    """Answer with the `last` runs of the log, oldest first."""
    last = int(request.manifest.get("last", _LAST))
    return answer(request, {"runs": audit.read(request.system.path(STATE), last)})
