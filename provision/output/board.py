"""The live region at the bottom of a terminal: a row for each thing that is going on."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .printers import RichPrinter
from .text import seconds

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live


@dataclass(frozen=True)
class _Row:
    label: str
    note: str
    started: float


class Board:
    """Rows with a spinner and the time they take; there from the first row to the last, gone without a trace.

    Methods may be called from any thread.
    """

    def __init__(self, printer: RichPrinter) -> None:
        self._printer = printer
        self._rows: dict[Hashable, _Row] = {}
        self._live: Live | None = None
        self._lock = threading.RLock()
        atexit.register(
            self.close
        )  # when threads were left behind by an interrupt, the cursor comes back all the same

    def show(self, key: Hashable, label: str, note: str = "") -> None:
        """Add a row, or change one; its time goes on."""
        with self._lock:
            before = self._rows.get(key)
            self._rows[key] = _Row(label, note, before.started if before else time.monotonic())
            if self._live is None:
                self._start()

    def remove(self, key: Hashable) -> None:
        """Take a row away."""
        with self._lock:
            self._rows.pop(key, None)
            if not self._rows:
                self._stop()
            elif self._live is not None:
                self._live.refresh()

    def close(self) -> None:
        """Take all rows away and give the terminal back."""
        with self._lock:
            self._rows.clear()
            self._stop()

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Keep the region off the terminal while something else writes there."""
        with self._lock:
            self._stop()
            try:
                yield
            finally:
                if self._rows:
                    self._start()

    def _start(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")
        self._live = Live(
            get_renderable=self._render,
            console=self._printer.console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _render(self) -> RenderableType:
        from rich.text import Text

        console, now = self._printer.console, time.monotonic()
        rows = list(self._rows.values())
        times = [seconds(now - row.started) for row in rows]
        time_width = max(map(len, times), default=0)
        # What a row is and since when is always there; the note gets what is left.
        most = max(console.width - len("⠋   ") - time_width, 1)
        labels = [Text(row.label) for row in rows]
        label_width = min(max((label.cell_len for label in labels), default=0), most)
        lines = []
        for row, label, spent in zip(rows, labels, times, strict=True):
            label.truncate(label_width, overflow="ellipsis", pad=True)
            text = (label, " ", (spent.ljust(time_width), "dim"), " ", (row.note, "dim"))
            line = Text.assemble(self._spinner.render(console.get_time()), " ", *text)  # type: ignore[arg-type]
            line.truncate(console.width, overflow="ellipsis")
            lines.append(line)
        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)
