"""restart: processes of the node, by their names in `status`."""

from __future__ import annotations

from ..context import Context
from ..engine import Tally
from ..errors import Interrupted, NodeError
from ..resources.unit import Unit
from ..run import Request, exclusively
from .processes import processes


def restart(request: Request) -> int:
    """Restart the processes named in `names`, one after the other.

    A service that listens on a socket of systemd's refuses no connection meanwhile.
    """
    names = [str(name) for name in request.manifest.get("names") or ()]

    def body(ctx: Context, tally: Tally) -> None:
        known = processes(ctx)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise NodeError(
                "unknown-process",
                f"there is no process {', '.join(unknown)}" if unknown else "no process was named",
                hint=f"known: {', '.join(sorted(known))}",
            )
        for index, name in enumerate(names):
            if ctx.session.interrupted():
                raise Interrupted
            _restart(ctx, index, known[name], tally)

    return exclusively(request, body, len(names))


def _restart(ctx: Context, index: int, unit: str, tally: Tally) -> None:
    resource = Unit(unit)
    ctx.enter(index, resource.id)
    ctx.acted(unit, "restart", ["the operator"])
    try:
        ctx.units.act("restart", unit)
    except NodeError:
        tally.note(resource, "failed")
        raise
    tally.note(resource, "changed")
