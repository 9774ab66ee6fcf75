"""JupyterLab in a browser, as who works in it uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Locator, Page

START = 180_000
"""Milliseconds that the start of a server may take."""


def sign_in(page: Page, name: str, password: str) -> None:
    """Fill in the hub's login page, which is open."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


class LabPage:
    """A page of JupyterLab with one notebook."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialog = page.locator(".jp-Dialog")

    def close_dialogs(self) -> None:
        """From now on, close what it tells of a line that was cut."""
        self.page.add_locator_handler(
            self.dialog, lambda dialog: dialog.locator(".jp-Dialog-button").first.click()
        )

    def new_notebook(self) -> None:
        """Make a notebook from the launcher, and wait for its kernel."""
        self.page.locator(".jp-LauncherCard[data-category=Notebook]").first.click(timeout=START)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the notebook's kernel can be used: a cell that is run before is passed over."""
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=START)

    @contextlib.contextmanager
    def reconnects(self) -> Iterator[None]:
        """Have the connection to the kernel cut, and wait until it is opened anew.

        What is run before JupyterLab has seen the cut is sent into the old connection and lost; from then on it waits.
        """
        with self.page.expect_websocket(lambda opened: "/api/kernels/" in opened.url, timeout=START):
            yield

    def run(self, code: str) -> Locator:
        """Run code in the last cell, which is empty; return what will come out of it."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        cell = cells.nth(cells.count() - 1)
        cell.locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        return cell.locator(".jp-OutputArea-output").last

    def file(self, name: str) -> Locator:
        """A file in the file browser."""
        return self.page.locator(".jp-DirListing-item").filter(has_text=name)
