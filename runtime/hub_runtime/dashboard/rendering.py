"""Rendering in a process of its own: a notebook made to hang or break it costs that one notebook."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import msgspec

from . import homes, notebook
from .model import State, Summary
from .notebook import Tries
from .settings import Settings

SECONDS = 20.0
"""What one notebook may take."""
MEMORY = 1 << 30
WHOLE = 2_000
"""Cells that are shown of a whole notebook."""


class Job(msgspec.Struct, frozen=True):
    """A notebook to render: what is known of it, the tries of its last summary, and whether all of it is wanted."""

    about: Summary
    tries: Tries
    whole: bool = False


class Renderer:
    """A process that renders, replaced when it fails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def render(self, job: Job) -> tuple[Summary, Tries]:
        """Return the summary of a notebook, and the tries for its next one."""
        pipe = self._started()
        try:
            pipe.send(job)
            if pipe.poll(SECONDS):
                result: tuple[Summary, Tries] = pipe.recv()
                return result
        except (EOFError, OSError):
            pass
        self.close()
        return msgspec.structs.replace(
            job.about, state=State.INVALID, note="it could not be rendered"
        ), job.tries

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _started(self) -> Connection:
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self.close()
            self._pipe, theirs = multiprocessing.Pipe()
            self._process = multiprocessing.get_context("fork").Process(
                target=_serve, args=(theirs, self._pipe, self._settings), daemon=True
            )
            self._process.start()
            theirs.close()
        return self._pipe


def _serve(pipe: Connection, other: Connection, settings: Settings) -> None:
    """Render until the other end is closed: by the worker, or by its end."""
    other.close()  # what is forked has it, too
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            job: Any = pipe.recv()
            pipe.send(rendered(job, settings))


def rendered(job: Job, settings: Settings) -> tuple[Summary, Tries]:
    """Read a notebook and render it here."""
    about, limits = job.about, settings.limits
    try:
        content = homes.read(settings.homes, about.user, about.filename, limits.notebook_bytes)
    except homes.NotShownError as error:
        return msgspec.structs.replace(about, state=error.state, note=str(error)), job.tries
    if job.whole:
        return notebook.summarise(about, content, job.tries, limits.whole_bytes, WHOLE)
    return notebook.summarise(about, content, job.tries, limits.summary_bytes)
