"""restart: processes of the node, by their names in `status`."""

from __future__ import annotations

from ..errors import Interrupted, NodeError
from ..request import Request, exclusively
from ..run import Run
from ..tally import Tally
from .processes import processes


def restart(request: Request) -> int:
    """Restart the processes named in `names`, one after the other.

    A service that listens on a socket of systemd's refuses no connection meanwhile.
    """
    names = [str(name) for name in request.manifest.get("names") or ()]

    def body(run: Run, tally: Tally) -> None:
        known = processes(run)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise NodeError(
                "unknown-process",
                f"there is no process {', '.join(unknown)}" if unknown else "no process was named",
                hint=f"known: {', '.join(sorted(known))}",
            )
        for index, name in enumerate(names):
            if run.peer.interrupted():
                raise Interrupted
            _restart(run, index, known[name], tally)

    return exclusively(request, body, len(names))


def _restart(run: Run, index: int, unit: str, tally: Tally) -> None:
    name = f"unit:{unit}"
    run.enter(index, name)
    run.acted(unit, "restart", ["the operator"])
    try:
        run.units.act("restart", unit)
    except NodeError:
        tally.note(name, "failed")
        raise
    tally.note(name, "changed")
