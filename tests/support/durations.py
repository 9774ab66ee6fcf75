"""How long each test took: kept from run to run, so that the longest begin first.

A plugin of pytest. The file holds, by test, the seconds of its parts, how it ended, and what it measured. What fails is
in another one at once: a whole run takes long.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / ".cache" / "tests" / "durations.json"
FAILURES = FILE.with_name("failures.txt")
PARTS = ("setup", "call", "teardown")


def read() -> dict[str, float]:
    """Return the seconds that each test took when it ran last."""
    return {test: sum(entry.get(part, 0) for part in PARTS) for test, entry in _read().items()}


def _read() -> dict[str, Any]:
    try:
        found = json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Durations:
    """Collects the reports of a run."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, Any]] = defaultdict(dict)
        FAILURES.unlink(missing_ok=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one part of a test."""
        entry = self.tests[report.nodeid]
        entry[report.when] = round(report.duration, 3)
        if report.when == "call" or report.outcome != "passed":
            entry["outcome"] = report.outcome
        if report.failed:
            FAILURES.parent.mkdir(parents=True, exist_ok=True)
            with FAILURES.open("a") as file:
                file.write(f"{report.nodeid} ({report.when})\n{report.longreprtext}\n\n")
        if report.when == "teardown" and report.user_properties:
            entry["measured"] = dict(report.user_properties)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Keep what was noted; say where, and what tests have measured."""
        if not self.tests:
            return
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps({**_read(), **self.tests}, indent=1, sort_keys=True) + "\n")
        measured = {test: entry["measured"] for test, entry in self.tests.items() if "measured" in entry}
        if measured:
            terminalreporter.section("measured")
        for test, figures in sorted(measured.items()):
            shown = ", ".join(f"{name} {value}" for name, value in figures.items())
            terminalreporter.write_line(f"{test.partition('::')[2]}: {shown}")
        terminalreporter.write_line(f"durations of all tests: {FILE}")
