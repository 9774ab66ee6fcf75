"""Settings of the service."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..settings import Positive


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are in seconds, sizes in bytes.

    Attributes:
        notebook: path of the notebook; a bundled one is known by its name alone.
        text: the notebook itself, where there is no file of it yet.
        folder: where kernels run, and keep what they keep.
        kernels: requests that can be answered at once.
        timeout: longest that a request waits and runs, unless its cell says otherwise.
        start_timeout: longest that a kernel takes to start and to run the notebook.
        queued: requests that may wait for a kernel.
        body_bytes: longest body of a request.
        answer_bytes: longest answer.
        cors_origins: web origins whose pages may call the API; ``*`` is every one.
        token: opens the endpoints that ask for one.
        python: the interpreter of the kernels; by default the server's own.
    """

    notebook: str
    text: str = ""
    folder: str = "."
    kernels: Positive = 4
    timeout: Positive = 60
    start_timeout: Positive = 120
    queued: Positive = 256
    body_bytes: Positive = 2_000_000
    answer_bytes: Positive = 16_000_000
    cors_origins: tuple[str, ...] = ()
    token: str | None = None
    python: str | None = None

    @property
    def path(self) -> Path:
        """Where the notebook is."""
        bundled = Path(__file__).with_name("notebooks") / f"{self.notebook}.ipynb"
        return bundled if "/" not in self.notebook and bundled.is_file() else Path(self.notebook)
