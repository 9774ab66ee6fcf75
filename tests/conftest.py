"""Fixtures that several kinds of test share."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from provision.cloud.local import host
from provision.cloud.local.instance import Instance
from tests.support import durations, groups, prepared, soak
from tests.support.fleet import IMAGE, Fleet
from tests.support.instances import temporary_instance

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tests may be asked for."""
    parser.addoption("--soak", action="store_true", help="run the tests that repeat things, in full")
    parser.addoption("--seed", default="3", help="what chance begins with where tests use it")


def pytest_configure(config: pytest.Config) -> None:
    """Add the plugins. Take interrupts even in the background of a shell, which has its children ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Thousands of programs are started, and several processes read the tests: each file is compiled once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    config.pluginmanager.register(groups)
    config.pluginmanager.register(soak)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(durations.Durations())
        config.pluginmanager.register(groups.Spread())


@pytest.fixture(scope="session")
def nodes_possible() -> None:
    """Skip where local nodes cannot run; with CI=true that is a failure, so that CI never passes without them."""
    reason = host.unusable() or (f"not installed: {', '.join(host.missing())}" if host.missing() else "")
    if not reason:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"local nodes cannot run here: {reason}")
    pytest.skip(f"local nodes cannot run here: {reason}")


@pytest.fixture(scope="session")
def local_instance(nodes_possible: None) -> Iterator[Instance]:
    """The local cloud of this test run."""
    with temporary_instance() as instance:
        yield instance


@pytest.fixture(scope="session")
def make_fleet(local_instance, tmp_path_factory):
    """Make fleets on the session's local cloud, each with a name and a domain of its own."""

    def make(nodes, more="", image=IMAGE):
        name = f"f{next(_numbers)}"
        return Fleet(tmp_path_factory.mktemp(name), local_instance, name, nodes, more, image)

    return make


@pytest.fixture(scope="session")
def prepared_image(make_fleet):
    """The image of machines on which the first deploy itself is not what is tested."""
    return prepared.image_for(make_fleet(prepared.NODES, prepared.MORE))
