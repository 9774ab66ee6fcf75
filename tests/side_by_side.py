"""How tests are spread over processes: a file is never divided, and files that share a fleet stay together."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

FLEETS = {
    "deployed": (
        "crash",
        "deploy",
        "engine",
        "lock",
        "plan",
        "release",
        "rollback",
        "task_api",
        "zero_downtime",
    ),
    "fresh": ("checked_config", "fleet", "history", "live_output"),
    "tunnelled": ("rotate", "tunnels"),
}
"""The fixtures of `tests/nodes/conftest.py`, and the files that use each."""
_FLEET_OF = {f"tests/nodes/test_{name}.py": fleet for fleet, names in FLEETS.items() for name in names}


class ByFleet(LoadScopeScheduling):  # type: ignore[misc]
    """One file after the other to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _FLEET_OF.get(file, file)
