"""converge: bring the node to its desired state, or say what differs."""

from __future__ import annotations

from ..context import Context
from ..engine import Tally
from ..engine import converge as bring
from ..manifest import dump, load_all
from ..run import Request, compare_only, exclusively


def converge(request: Request) -> int:
    """Converge the resources of the request; with `apply` false nothing is changed."""
    resources = load_all(request.manifest.get("resources"))

    def body(ctx: Context, tally: Tally) -> None:
        bring(ctx, resources, tally)

    def plan() -> dict[str, object]:
        return {"run": request.run, "resources": dump(resources, secrets=False)}

    if request.manifest.get("apply") is not True:
        return compare_only(request, body, len(resources))
    return exclusively(request, body, len(resources), plan)
