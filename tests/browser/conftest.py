"""One browser for all tests of a process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support import browser as browsers


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Skip where there is no browser; with CI=true that is a failure, so that CI never passes without one."""
    if browsers.program() is None:
        reason = f"none of {', '.join(browsers.PROGRAMS)} is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    expect.set_options(timeout=60_000)
    with browsers.started() as one:
        yield one
