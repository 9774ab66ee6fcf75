"""Server-sent events: live pages are told what changed, and go on where they were after a lost line."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from ..web import sse
from .database import connect
from .people import Sight
from .store import Store

LOOK_EVERY = 0.2
RETRY_MS = 2_000
WHOLE_SECONDS = 20.0
"""How long somebody waits for a whole notebook."""
T = TypeVar("T")


class Feed:
    """Tells the waiting threads of one process that something was written, whichever process wrote it.

    One thread looks at SQLite's own counter of changes, which costs next to nothing; it begins with the first
    who waits.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._version = 0
        self._thread: threading.Thread | None = None
        self._ending = False

    @property
    def ending(self) -> bool:
        """Whether the process is about to end."""
        return self._ending

    def end(self) -> None:
        """Let everybody who waits go; to be called from a signal's handler, too."""
        self._ending = True

    def version(self) -> int:
        """Return a number that another one follows when something is written."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="feed", daemon=True)
                self._thread.start()
            return self._version

    def wait(self, seen: int, seconds: float) -> bool:
        """Wait until the version is another one than that, and say whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen or self._ending, seconds)
            return self._version != seen

    def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Look again whenever something was written, and return what is there at last, or None after the time."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.version()
            found, left = look(), deadline - time.monotonic()
            if found is not None or left <= 0 or self._ending:
                return found
            self.wait(seen, left)

    def _watch(self) -> None:
        connection = connect(self._database)
        before, pause = None, threading.Event()
        while True:
            try:
                now = connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                now = None
            with self._changed:
                self._version += now != before
                if now != before or self._ending:
                    self._changed.notify_all()
            before = now
            pause.wait(LOOK_EVERY)


def messages(
    store: Store, feed: Feed, sight: Sight, since: int | None, welcome: Callable[[], bool]
) -> Iterator[str]:
    """Yield what a live page is sent: each change as it is now, under its position as its id.

    Args:
        store: where changes are.
        feed: what tells of them.
        sight: who looks.
        since: the position the page has seen, by default the present one.
        welcome: asked again at each heartbeat; the stream ends when it says no.
    """
    seen = feed.version()
    position = store.position() if since is None else since
    yield f"retry: {RETRY_MS}\nid: {position}\n\n"
    while not feed.ending:
        latest = store.position()
        changes = store.changes(sight, position)
        for change in changes:
            position = change.position
            body = msgspec.json.encode(change.body).decode()
            yield sse.encode(change.kind, body, str(position))
        if changes:
            continue
        position = max(position, latest)
        if not feed.wait(seen, sse.PING_EVERY):
            if feed.ending or not welcome():
                return
            yield sse.PING
        seen = feed.version()
