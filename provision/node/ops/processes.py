"""The node's processes by short names: `task_api`, `task_api-worker`, `redis-server@task_api`, `nginx`."""

from __future__ import annotations

from .. import audit
from ..releases.home import homes
from ..run import Run


def processes(run: Run) -> dict[str, str]:
    """Return the unit of each process: of the last plan's services, and of the releases that serve."""
    found: dict[str, str] = {}
    for home in homes(run):
        if home.current():
            for unit in home.find(home.current()).units:
                found[unit.partition("@")[0]] = unit
    resources = audit.last_plan(run.state).get("resources", [])
    for resource in resources:
        runs = resource["kind"] == "unit" and resource.get("running", True)
        name = resource.get("name", "") if runs else ""
        if name.endswith(".service"):
            found.setdefault(name[: -len(".service")], name)
    return found
