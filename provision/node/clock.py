"""The node's clock beside the operator's."""

from __future__ import annotations

from datetime import datetime, timezone

from .errors import NodeError
from .run import Run

_LIMIT_SECONDS = 3600


def check(run: Run) -> None:
    """See that both clocks agree, before something is made that hangs on the time.

    Raises:
        NodeError: they are an hour or more apart.
    """
    theirs = _read(str(run.caller.get("started")))
    ours = datetime.fromtimestamp(run.asked, timezone.utc)
    if theirs is None or abs((ours - theirs).total_seconds()) < _LIMIT_SECONDS:
        return
    raise NodeError(
        "clock-wrong",
        "the node's clock and the operator's do not agree",
        why=f"the node has {_text(ours)}, the operator {_text(theirs)}; certificates hold by the time",
        hint="set the one that is wrong; on the node: timedatectl set-ntp true, "
        f"or date --utc --set '{_text(theirs)}'",
    )


def _read(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _text(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
