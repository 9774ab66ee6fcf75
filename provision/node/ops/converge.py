"""converge: bring the node to its desired state, or say what differs."""

from __future__ import annotations

from ..engine import Tally
from ..engine import converge as bring
from ..manifest import dump, load_all
from ..request import Request, compare_only, exclusively
from ..run import Run


def converge(request: Request) -> int:
    """Converge the resources of the request; with `apply` false nothing is changed."""
    resources = load_all(request.manifest.get("resources"))

    def body(run: Run, tally: Tally) -> None:
        bring(run, resources, tally)

    def plan() -> dict[str, object]:
        return {"run": request.caller, "resources": dump(resources, secrets=False)}

    if request.manifest.get("apply") is not True:
        return compare_only(request, body, len(resources))
    return exclusively(request, body, len(resources), plan)
