"""Uvicorn on sockets that somebody else holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..current import SHARED, is_current, release

_FIRST_REQUEST = 5.0
"""Seconds that a connection has to bring its request when its server ends."""


class Connection(HttpToolsProtocol):
    """A connection that was accepted just before its server ends still brings its request, and gets the answer."""

    cycle: Any
    _last = False

    def shutdown(self) -> None:
        """Answer what is there or on its way, and no more."""
        if self.cycle is None:
            self._last = True
            self.loop.call_later(_FIRST_REQUEST, self._give_up)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        """Begin a request."""
        super().on_headers_complete()
        if self._last and self.cycle:
            self.cycle.keep_alive = False

    def _give_up(self) -> None:
        if self.cycle is None:
            self.transport.close()


def bound(path: str) -> socket.socket:
    """Return a new socket at a path, which is not accepted on yet."""
    own = socket.socket(socket.AF_UNIX)
    own.bind(path)
    own.setblocking(False)
    return own


class Listener(uvicorn.Server):
    """Uvicorn on one socket; signals are not its affair."""

    def end(self) -> None:
        """Accept nothing more from this moment on, and end when what was accepted is answered."""
        for server in self.servers:
            server.close()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class Listeners:
    """The sockets given to the process, and the servers that accept on some of them.

    Args:
        app: the application.
        sockets: the sockets by name.
        grace: seconds for answers under way when a server ends.
    """

    def __init__(self, app: Starlette, sockets: list[tuple[str, socket.socket]], grace: int) -> None:
        self._sockets = sockets
        self._config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=4096,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=grace,
        )
        self._running: dict[int, tuple[Listener, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def choose(self) -> str:
        """Accept where this release should, and nowhere else; return that in words."""
        current = is_current(os.environ.get("HUB_ROOT"), release())
        for number, (name, held) in enumerate(self._sockets):
            wanted = current or name != SHARED
            if wanted and number not in self._running:
                await self._start(number, held)
            elif not wanted and number in self._running:
                self._stop(number)
        return f"accepting on {len(self._running)} of {len(self._sockets)} sockets"

    async def end(self) -> None:
        """Answer what is under way, and no more."""
        for _, held in self._sockets:
            held.close()
        for number in list(self._running):
            self._stop(number)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _start(self, number: int, held: socket.socket) -> None:
        listener = Listener(self._config)
        # A server closes what it was given: the socket itself stays open.
        task = asyncio.ensure_future(listener.serve([held.dup()]))
        self._running[number] = listener, task
        while not listener.started and not task.done():
            await asyncio.sleep(0.005)

    def _stop(self, number: int) -> None:
        listener, task = self._running.pop(number)
        listener.end()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
