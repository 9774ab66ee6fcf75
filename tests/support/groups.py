"""How tests are spread over processes: those that share a fleet stay together, others by file, the longest first.

A plugin of pytest, for `--dist=loadgroup --no-loadscope-reorder`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support import durations

SHARED: set[str] = set()
"""The fixtures that make a fleet for whoever asks for it."""


def shared_fleet(make: Callable[..., Any]) -> Any:
    """Make a fixture of the session, whose tests all run on one process."""
    SHARED.add(make.__name__)
    return pytest.fixture(scope="session")(make)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist writes the groups into the tests' names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and order the tests by group."""
    groups = grouped(
        [(item.nodeid.partition("::")[0], SHARED.intersection(fixtures(item))) for item in items]
    )
    known = durations.read()
    seconds: dict[str, float] = defaultdict(float)
    for item, group in zip(items, groups, strict=True):
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
        seconds[group] += known.get(item.nodeid, guess(item))
    group_of = dict(zip(items, groups, strict=True))
    items.sort(key=lambda item: (-seconds[group_of[item]], group_of[item]))


def fixtures(item: pytest.Item) -> list[str]:
    """Return the fixtures that a test uses, at first or at second hand."""
    return list(getattr(item, "fixturenames", ()))


def own_group(item: pytest.Item) -> str:
    """Return the group that a test names itself, its file else."""
    named = item.get_closest_marker("xdist_group")
    return str(named.args[0]) if named else item.nodeid.partition("::")[0]


def guess(item: pytest.Item) -> float:
    """Return how many seconds a test takes that never ran."""
    return 5.0 if item.get_closest_marker("nodes") else 0.1


def grouped(tests: Iterable[tuple[str, set[str]]]) -> list[str]:
    """Return each test's group: its file's name, or the fleets that it, or others with them, use.

    Args:
        tests: a file's name and the shared fleets used, for each test.
    """
    tests = list(tests)
    together: list[set[str]] = []
    for _, fleets in tests:
        if fleets:
            touched = [each for each in together if each & fleets]
            together = [each for each in together if not each & fleets]
            together.append(fleets.union(*touched))
    name = {fleet: "+".join(sorted(each)) for each, fleet in pairs(together)}
    return [name[min(fleets)] if fleets else file for file, fleets in tests]


def pairs(sets: list[set[str]]) -> Iterable[tuple[set[str], str]]:
    """Return each set with each of its members."""
    return itertools.chain.from_iterable(((each, member) for member in each) for each in sets)
