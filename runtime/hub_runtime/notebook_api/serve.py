"""Start kernels, run the notebook in them, try its tests, then serve on the sockets that systemd holds.

The sockets are those that `hub_runtime.serve` describes: ``shared`` is accepted on while ``$HUB_ROOT/current`` points
at this release, ``probe`` always; SIGHUP makes it look again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from .. import systemd
from ..current import release
from ..settings import SettingsError, load
from .app import create_app
from .listen import Listeners, bound
from .making import Maker
from .notebook import Notebook, NotebookError, read
from .pool import Pool
from .settings import Settings
from .trying import try_out

BAD_NOTEBOOK, BAD_SETTINGS = 65, 78
"""Exit codes, as sysexits(3) has them: what is given to it is wrong, and how it is set up is."""
_FIRST = 3  # sd_listen_fds(3): the descriptor of the first socket


async def serve(settings: Settings, sockets: list[tuple[str, socket.socket]], grace: int) -> None:
    """Serve until told to stop.

    Raises:
        NotebookError: the notebook is not fit to be served.
    """
    loop = asyncio.get_running_loop()
    stop, again = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    with tempfile.TemporaryDirectory(prefix="hub-", ignore_cleanup_errors=True) as folder:
        starting = asyncio.ensure_future(_start(settings, Path(folder)))
        await _first(starting, asyncio.ensure_future(stop.wait()))
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return
        notebook, pool = starting.result()
        try:
            app = create_app(notebook, pool, settings, release())
            await _listen(Listeners(app, sockets, grace), stop, again)
        finally:
            await pool.close()


async def _start(settings: Settings, folder: Path) -> tuple[Notebook, Pool]:
    """Start the kernels of a notebook that has passed its tests."""
    if settings.text:
        path = folder / Path(settings.notebook).name
        path.write_text(settings.text)
        settings = msgspec.structs.replace(settings, notebook=str(path), text="")
    notebook = read(settings.path)
    closed = [endpoint.name for endpoint in notebook.endpoints if endpoint.options.token]
    if closed and not settings.token:
        raise NotebookError(f"{settings.path.name}: {closed[0]} asks for a token, and the API has none")
    await try_out(notebook, settings, folder)
    pool = Pool(Maker(notebook, settings, folder).make, settings.kernels, settings.queued)
    await pool.start()
    return notebook, pool


async def _listen(listeners: Listeners, stop: asyncio.Event, again: asyncio.Event) -> None:
    systemd.notify(f"READY=1\nSTATUS={await listeners.choose()}")
    while not stop.is_set():
        waiting = [asyncio.ensure_future(event.wait()) for event in (stop, again)]
        await _first(*waiting)
        waiting[0].cancel()
        if again.is_set():
            again.clear()
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            systemd.notify(f"READY=1\nSTATUS={await listeners.choose()}")
    systemd.notify("STOPPING=1")
    await listeners.end()


async def _first(work: asyncio.Future[Any], *others: asyncio.Future[Any]) -> None:
    """Wait until the first is done; of the others, none goes on."""
    await asyncio.wait([work, *others], return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()


def main() -> None:
    """Serve the notebook that the settings name."""
    parser = argparse.ArgumentParser(prog="hub_runtime.notebook_api.web", description="Serve a notebook.")
    parser.add_argument("--graceful-timeout", type=int, default=30, help="seconds for answers under way")
    parser.add_argument("--bind", help="path of a socket to listen on where systemd passes none")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        asyncio.run(serve(load(Settings), _sockets(arguments.bind), arguments.graceful_timeout))
    except SettingsError as error:
        _say(str(error), BAD_SETTINGS)
    except NotebookError as error:
        _say(str(error), BAD_NOTEBOOK)


def _sockets(bind: str | None) -> list[tuple[str, socket.socket]]:
    names = systemd.listen_names()
    found = [(name, socket.socket(fileno=_FIRST + number)) for number, name in enumerate(names)]
    if bind:
        found.append(("bound", bound(bind)))
    for _, held in found:
        held.setblocking(False)
        held.set_inheritable(False)
    return found


def _say(message: str, code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)
