"""Fixtures that several kinds of test share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from provision.cloud.local import host
from provision.cloud.local.instance import Instance
from tests.support.instances import temporary_instance


def pytest_configure() -> None:
    """Take interrupts even where the tests run in the background of a shell, which has its children ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread tests over processes."""
    from tests.side_by_side import ByFleet

    return ByFleet(config, log)


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
