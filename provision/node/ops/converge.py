"""converge: bring the node to its desired state, or say what differs."""

from __future__ import annotations

from ..request import Request, compare_only, exclusively
from ..run import Run
from ..tally import Tally


def converge(request: Request) -> int:
    """Converge the resources of the request; with `apply` false nothing is changed."""
    wanted = request.manifest.get("resources")
    total = len(wanted) if isinstance(wanted, list) else 0

    def body(run: Run, tally: Tally) -> None:
        run.units.ask_ahead(_units(wanted))
        # Late: systemd takes longer to answer than all else that is looked at.
        from ..engine import converge as bring
        from ..manifest import load_all

        bring(run, load_all(wanted), tally)

    def plan() -> dict[str, object]:
        from ..manifest import dump, load_all

        return {"run": request.caller, "resources": dump(load_all(wanted), secrets=False)}

    if request.manifest.get("apply") is not True:
        return compare_only(request, body, total)
    return exclusively(request, body, total, plan)


def _units(wanted: object) -> list[str]:
    """Return the units that a manifest names; whether it is sound is seen later."""
    found = [each for each in wanted if isinstance(each, dict)] if isinstance(wanted, list) else []
    return [str(each.get("name")) for each in found if each.get("kind") == "unit"]
