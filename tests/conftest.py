"""Fixtures that several kinds of test share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from provision.cloud.local import host, lifecycle
from provision.cloud.local.instance import Instance


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
    """A local cloud of this test run alone; removed with everything in it at the end."""
    name = f"t-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        yield lifecycle.up(name, report=print)
    finally:
        if name in lifecycle.instances():
            lifecycle.down(name, destroy=True, report=print)
