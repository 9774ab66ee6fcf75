"""A real browser, and what happens in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from provision.cloud.local import host

LIMIT = 120_000
"""Milliseconds that a browser may take for one thing, such as to start; it takes less than one second."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """The browser of this computer, if it has one."""
    return next((path for name in PROGRAMS if (path := host.find_program(name))), None)


def require() -> None:
    """Skip where there is no browser; with CI=true that is a failure, so that CI never passes without one."""
    if program() is None:
        reason = f"none of {', '.join(PROGRAMS)} is installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    expect.set_options(timeout=LIMIT)


@contextlib.contextmanager
def started(where: Mapping[str, str] = MappingProxyType({})) -> Iterator[Browser]:
    """A browser without a window, which knows where these hosts are and hears of no network's coming and going."""
    rules = ", ".join(f"MAP {host} {address}" for host, address in where.items())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=Path(__file__).with_name("deaf_browser.py"),
            env={**os.environ, "BROWSER_PROGRAM": program() or ""},
            args=[f"--host-resolver-rules={rules}"] if rules else [],
            timeout=LIMIT,
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """What a page did: all it asked for, and all it complained of."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def asked(self, part: str) -> list[str]:
        """The addresses asked for that hold this."""
        return [address for address in self.requests if part in address]

    def elsewhere(self, origin: str) -> list[str]:
        """What was asked of others; pictures inside a page are nobody's."""
        own = urlsplit(origin)[:2]
        return [one for one in self.requests if urlsplit(one)[:2] != own and not one.startswith("data:")]


@contextlib.contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[tuple[Page, Seen]]:
    """A page in a window of its own: `viewport`, `color_scheme`, `reduced_motion` and the like say how."""
    context = browser.new_context(**how)
    context.set_default_timeout(LIMIT)
    seen = Seen()

    def console(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            seen.complaints.append(said.text)

    context.on("request", lambda request: seen.requests.append(request.url))
    context.on("console", console)
    context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
    page = context.new_page()
    try:
        page.goto(address)
        yield page, seen
    finally:
        context.close()
