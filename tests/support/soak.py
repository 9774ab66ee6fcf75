"""Repetitions: a few in each run of the tests, many with `--soak`.

A plugin of pytest. `@pytest.mark.soak(short=2, full=5)` gives a test the fixture `times`; with `short=0` it runs with
`--soak` alone. `make soak` runs those tests and no others.
"""

from __future__ import annotations

import random

import pytest

from tests.support.load import Load


def pytest_configure(config: pytest.Config) -> None:
    """Have clients ask without a pause to speak of, and expect an answer soon."""
    if config.getoption("--soak"):
        Load.pause, Load.late = 0.02, 2.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what is not asked for."""
    full = config.getoption("--soak")
    wanted = [item for item in items if _wanted(item, full=full)]
    if len(wanted) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted


def _wanted(item: pytest.Item, *, full: bool) -> bool:
    marker = item.get_closest_marker("soak")
    return marker is not None if full else marker is None or marker.kwargs["short"] > 0


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int:
    """How often a test repeats what it does."""
    marker = request.node.get_closest_marker("soak")
    return int(marker.kwargs["full" if request.config.getoption("--soak") else "short"])


@pytest.fixture
def chance(request: pytest.FixtureRequest, record_property) -> random.Random:
    """Chance that can be had again: by --seed, which is shown with the test's figures."""
    seed = request.config.getoption("--seed")
    record_property("seed", seed)
    return random.Random(f"{seed} {request.node.name}")
