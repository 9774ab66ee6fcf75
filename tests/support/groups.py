"""How tests are spread over processes: those that share a fleet stay together, others by file, the longest first.

A plugin of pytest, for `--dist=loadscope --no-loadscope-reorder`.
"""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from provision.node.files import alone_in, write_file
from tests.support import durations

SHARED: set[str] = set()
"""The fixtures that make a fleet for whoever asks for it."""


def shared_fleet(make: Callable[..., Any]) -> Any:
    """Make a fixture of the session, whose tests all run on one process."""
    SHARED.add(make.__name__)
    return pytest.fixture(scope="session")(make)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests by group, and tell the process that hands them out."""
    names = grouped([(own_group(item), SHARED.intersection(fixtures(item))) for item in items])
    group_of = dict(zip(items, names, strict=True))
    known = durations.read()
    seconds: dict[str, float] = defaultdict(float)
    for item, group in group_of.items():
        seconds[group] += known.get(item.nodeid, guess(item))
    items.sort(key=lambda item: (-seconds[group_of[item]], group_of[item]))
    if file := getattr(config, "workerinput", {}).get("groups"):
        with alone_in(Path(file).parent):  # every process writes it
            write_file(Path(file), json.dumps({item.nodeid: group_of[item] for item in items}).encode())


class Spread:
    """On the process that hands out tests: each group to whichever process is free."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hubctl-tests-")
        self._file = Path(self._folder.name) / "groups.json"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a process where to write the groups; `--dist=loadgroup` is lost on this version of pytest."""
        node.workerinput["groups"] = str(self._file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Divide by group what `--dist=loadscope` divides by file."""
        from xdist.scheduler.loadscope import LoadScopeScheduling

        file = self._file

        class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
            @functools.cached_property
            def groups(self) -> dict[str, str]:
                return dict(json.loads(file.read_text()))

            def _split_scope(self, nodeid: str) -> str:
                return self.groups[nodeid]

        return ByGroup(config, log)


def fixtures(item: pytest.Item) -> list[str]:
    """Return the fixtures that a test uses, at first or at second hand."""
    return list(getattr(item, "fixturenames", ()))


def own_group(item: pytest.Item) -> str:
    """Return the group that a test names itself, its file else."""
    named = item.get_closest_marker("xdist_group")
    return str(named.args[0]) if named else item.nodeid.partition("::")[0]


def guess(item: pytest.Item) -> float:
    """Return how many seconds a test takes that never ran: those on nodes, those with servers of their own, others."""
    if item.get_closest_marker("nodes"):
        return 12.0
    return 3.0 if item.nodeid.startswith("runtime/") else 0.2


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
