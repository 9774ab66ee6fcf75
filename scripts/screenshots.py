"""Take pictures of the dashboard's pages, those of docs/howto/watch-a-class.md; with --all, in every size and theme.

scripts/screenshots.py [--all] [FOLDER]
"""

from __future__ import annotations

import argparse
import base64
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from playwright.sync_api import Browser

from hub_runtime.dashboard.pages import key_of
from tests.support.browser import opened, started
from tests.support.classroom import NOTEBOOKS, Classroom, served

DOCS = Path("docs/dashboard")
SIZES = {"phone": (390, 844), "laptop": (1366, 768), "projector": (1920, 1080)}
PAGES = {
    "class": "",
    "notebook": f"notebook?path={quote(NOTEBOOKS[0])}",
    "whole": f"whole?who={key_of('ada')}&path={quote(NOTEBOOKS[0])}",
    "mine": "mine?as=ada",
    "people": "people",
    "packages": "packages",
}


class Shot(NamedTuple):
    """One picture: which page, over how many people, how large, in which colours, with names or without."""

    page: str
    people: int
    size: str
    theme: str
    names: bool = True

    @property
    def file(self) -> str:
        """Its name."""
        return f"{self.page}-{self.people}-{self.size}-{self.theme}{'' if self.names else '-hidden'}.webp"


SHOWN = (
    Shot("class", 1, "phone", "light"),
    Shot("class", 12, "laptop", "light"),
    Shot("class", 12, "phone", "dark"),
    Shot("class", 40, "projector", "dark", names=False),
    Shot("class", 40, "laptop", "light"),
    Shot("notebook", 1, "laptop", "light"),
    Shot("notebook", 12, "laptop", "dark"),
    Shot("notebook", 40, "projector", "light"),
    Shot("whole", 12, "laptop", "light"),
    Shot("mine", 12, "phone", "light"),
    Shot("people", 12, "laptop", "light"),
    Shot("packages", 12, "laptop", "light"),
)


def every() -> list[Shot]:
    """All pages over 1, 12 and 40 people in all sizes and both themes."""
    return [Shot(*one) for one in product(PAGES, (1, 12, 40), SIZES, ("light", "dark"))]


def take(browser: Browser, shot: Shot, address: str, folder: Path) -> int:
    """Write one picture and return its size in bytes."""
    width, height = SIZES[shot.size]
    asked = address + PAGES[shot.page]
    asked += "" if shot.names else f"{'&' if '?' in asked else '?'}names=hidden"
    how = {
        "viewport": {"width": width, "height": height},
        "color_scheme": shot.theme,
        "reduced_motion": "reduce",
    }
    with opened(browser, asked, **how) as (page, _):
        if page.locator("body[data-stream]").count():
            page.locator("#line").get_by_text("Live").wait_for()
        page.wait_for_function("[...document.images].every(one => one.complete)")
        view = page.context.new_cdp_session(page)
        taken = view.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
    content = base64.b64decode(taken["data"])
    (folder / shot.file).write_bytes(content)
    return len(content)


def main(folder: Path, shots: list[Shot]) -> None:
    """Take these pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    with started() as browser:
        for people in sorted({shot.people for shot in shots}):
            with served(Classroom(people)) as address:
                total += sum(take(browser, shot, address, folder) for shot in shots if shot.people == people)
    print(f"{len(shots)} pictures in {folder}, {total / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take pictures of the dashboard's pages.")
    parser.add_argument("--all", action="store_true", help="every page, size and theme")
    parser.add_argument("folder", nargs="?", type=Path, default=DOCS)
    arguments = parser.parse_args()
    main(arguments.folder, every() if arguments.all else list(SHOWN))
