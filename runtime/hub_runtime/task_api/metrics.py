"""Counts in Prometheus' text format."""

from __future__ import annotations

from .store import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PASSING = (State.QUEUED, State.RUNNING)


def exposition(counts: dict[str, int], workers: int, release: str | None) -> str:
    """The text of ``/metrics``.

    Args:
        counts: tasks queued, running, accepted, recovered and ended in each final state.
        workers: worker processes alive.
        release: the release that answers.
    """
    lines = [
        "# HELP task_api_tasks Tasks not ended, by state.",
        "# TYPE task_api_tasks gauge",
        *(f'task_api_tasks{{state="{state.value}"}} {counts[state.value]}' for state in PASSING),
        "# HELP task_api_tasks_accepted_total Tasks accepted.",
        "# TYPE task_api_tasks_accepted_total counter",
        f"task_api_tasks_accepted_total {counts.get('accepted', 0)}",
        "# HELP task_api_tasks_ended_total Tasks ended, by final state.",
        "# TYPE task_api_tasks_ended_total counter",
        *(
            f'task_api_tasks_ended_total{{state="{state.value}"}} {counts.get(state.value, 0)}'
            for state in State
            if state not in PASSING
        ),
        "# HELP task_api_tasks_recovered_total Times a task was queued again because its worker was gone.",
        "# TYPE task_api_tasks_recovered_total counter",
        f"task_api_tasks_recovered_total {counts.get('recovered', 0)}",
        "# HELP task_api_workers Worker processes alive.",
        "# TYPE task_api_workers gauge",
        f"task_api_workers {workers}",
        "# HELP task_api_info The release that answers.",
        "# TYPE task_api_info gauge",
        f'task_api_info{{release="{release or ""}"}} 1',
    ]
    return "\n".join(lines) + "\n"
