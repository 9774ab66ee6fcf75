"""task_api: the original's own example, solved by a worker."""

from __future__ import annotations

import json
import time

from .site import Failed, Hubctl, Site

TASK = {
    "monomers": [["a", "b"], ["a*", "b*"], ["a*", ">mon1"], ["b*"]],
    "constraints": [["FREE", "mon1"]],
    "gen": 2,
    "init_k": 2,
}
QUESTION = "POST /task"
_SECONDS = 120


def check(site: Site, _: Hubctl) -> str:
    """Return the answer in a few words."""
    answer = solve(site)
    if answer["status"] != "COMPLETE" or answer["entropy"] != 3:
        raise Failed(f"the example's entropy is 3, not {json.dumps(answer)}")
    return f"{answer['status']}, entropy {answer['entropy']}, {answer['count']} configurations"


def solve(site: Site) -> dict[str, object]:
    """Post the example and wait for its end.

    Raises:
        Failed: it is not accepted, or does not end.
    """
    status, accepted = site.ask("POST", "/task", TASK)
    if status != 202:
        raise Failed(f"the task was not accepted: {status} {accepted}")
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        status, answer = site.ask("GET", f"/status/{accepted['task_id']}")
        if status not in (202, 203):
            return dict(answer)
        time.sleep(0.2)
    raise Failed(f"the task did not end within {_SECONDS} s")
