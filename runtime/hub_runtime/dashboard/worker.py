"""The rendering worker: ``python -m hub_runtime.dashboard.worker``. SIGTERM ends it after the notebook it is at.

It alone can read the users' homes, and it reaches nothing but them and the store. What was saved while it was
away waits in the store; a notebook that was saved ten times meanwhile is rendered once.
"""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
import time

import msgspec

from .. import systemd
from ..settings import load
from . import homes
from .model import State, Summary
from .notebook import Tries
from .rendering import Job, Renderer
from .settings import Settings
from .store import Due, Store

LOOK_EVERY = 0.25
RETRY_EVERY = 5.0
SWEEP_EVERY = 60.0


def main() -> None:
    """Render what is saved until told to stop."""
    settings, stop = load(Settings), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    store, renderer = Store(settings), Renderer(settings)
    store.position()
    systemd.notify("READY=1")
    looked = float("-inf")
    while not stop.is_set():
        try:
            idle = not render_due(store, renderer, stop)
            if time.monotonic() - looked > SWEEP_EVERY:
                looked = time.monotonic()
                sweep(store, settings)
        except sqlite3.Error as error:
            sys.stderr.write(f"the store is unavailable: {error}\n")
            stop.wait(RETRY_EVERY)
            continue
        if idle:
            stop.wait(LOOK_EVERY)
    renderer.close()


def sweep(store: Store, settings: Settings) -> None:
    """Forget users who were removed, and their homes with them."""
    gone = homes.gone(settings.homes)
    if gone:
        store.forget(gone)


def render_due(store: Store, renderer: Renderer, stop: threading.Event) -> int:
    """Render what was opened or saved since it was rendered last, and return how many notebooks that were."""
    rendered = 0
    for due in [*store.opened(), *store.due()]:
        if stop.is_set():
            break
        rendered += 1
        if due.whole:
            store.keep_whole(due, renderer.render(Job(_about(due), {}, whole=True))[0])
            continue
        tries = msgspec.msgpack.decode(due.tries, type=Tries) if due.tries else {}
        summary, after = renderer.render(Job(_about(due), tries))
        store.keep(due, summary, msgspec.msgpack.encode(after))
    return rendered


def _about(due: Due) -> Summary:
    return Summary(due.user, due.filename, due.path, State.MISSING, due.timestamp)


if __name__ == "__main__":
    main()
