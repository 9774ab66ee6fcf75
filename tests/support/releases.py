"""What `hubctl releases` says of the node `apis`."""

from __future__ import annotations

from tests.support.fleet import Fleet


def rows(fleet: Fleet) -> list[dict]:
    """Return the releases, oldest deploy first."""
    return [event for event in fleet.done("releases", "apis", "--json").events if event["event"] == "release"]


def listed(fleet: Fleet) -> list[str]:
    """Return the releases' ids, oldest deploy first."""
    return [row["release"] for row in rows(fleet)]


def current(fleet: Fleet) -> str:
    """Return the id of the release that serves."""
    (running,) = [row["release"] for row in rows(fleet) if row["current"]]
    return running
