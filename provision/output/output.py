"""The only place that prints."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import HubError
from .printers import PlainPrinter, Printer, RichPrinter, write
from .text import annotation, clean, cleaned, each, error_lines, harmless_in_actions, seconds

if TYPE_CHECKING:
    from .board import Board

_ERROR_STYLES = {"title": "bold red", "why": "", "hint": "cyan"}


class Output:
    """What one command shows. Made by `choose`; methods may be called from any thread.

    Results (`result`, `table`, `diff`) go to stdout, progress (`line`, `progress`, `step`) and errors to
    stderr. With `--json`, stdout carries the events alone, and all that is for people goes to stderr.
    """

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        *,
        json: bool = False,
        rich_stdout: bool = False,
        rich_stderr: bool = False,
        in_actions: bool = False,
    ) -> None:
        self._stdout = stdout
        self._json = json
        self._in_actions = in_actions
        self._lock = threading.RLock()
        self._steps = threading.local()
        self._progress: Printer = RichPrinter(stderr) if rich_stderr else PlainPrinter(stderr)
        self._results: Printer = RichPrinter(stdout) if rich_stdout else PlainPrinter(stdout)
        self._shared_terminal = rich_stdout and rich_stderr
        if json:
            self._results = self._progress
        self._board = self._make_board()

    @classmethod
    def choose(
        cls,
        *,
        json: bool = False,
        environ: Mapping[str, str] = os.environ,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> Output:
        """Return the output that fits: Rich where a stream is a terminal and this is no CI, plain lines elsewhere.

        Args:
            json: one JSON event a line on stdout.
            environ: environment; `CI`, `TERM` and `GITHUB_ACTIONS` matter.
            stdout: by default this process's.
            stderr: by default this process's.
        """
        stdout, stderr = stdout or sys.stdout, stderr or sys.stderr
        in_ci = environ.get("CI", "").lower() not in ("", "0", "false")
        plain = in_ci or environ.get("TERM") == "dumb"
        return cls(
            stdout,
            stderr,
            json=json,
            rich_stdout=not plain and stdout.isatty(),
            rich_stderr=not plain and stderr.isatty(),
            in_actions=environ.get("GITHUB_ACTIONS") == "true",
        )

    def event(self, kind: str, /, **fields: Any) -> None:
        """Write a JSON event on stdout; nothing without `--json`. Values JSON does not know are written by `str`."""
        if not self._json:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(cleaned({"event": kind, "time": now, **fields}), default=str)
        with self._lock:
            write(self._stdout, f"{text}\n")

    def result(self, text: str, style: str = "") -> None:
        """Print a result."""
        with self._result_turn():
            self._results.print(self._safe(text), style)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table as a result."""
        names = [self._safe(column) for column in columns]
        cells = [[self._safe(cell) for cell in row] for row in rows]
        with self._result_turn():
            self._results.table(self._safe(title), names, cells)

    def diff(self, text: str) -> None:
        """Print a unified diff as a result."""
        with self._result_turn():
            for line in self._safe(text).splitlines():
                self._results.print(line, _diff_style(line))

    def line(self, text: str, style: str = "") -> None:
        """Print a line of progress, with the time of day where it is no terminal."""
        safe = self._safe(text)
        with self._lock:
            if isinstance(self._progress, PlainPrinter):
                now = datetime.now().astimezone().strftime("%H:%M:%S")
                safe = "\n".join(f"{now} {part}" for part in safe.splitlines())
            self._progress.print(safe, style)

    def progress(self, text: str, node: str = "") -> None:
        """Say what this thread's step is at, or print a line, with the node's name, when it has none."""
        open_steps = self._open_steps()
        if open_steps:
            open_steps[-1].update(text)
        else:
            self.line(f"{node}: {text}" if node else text, "dim")

    def error(self, error: HubError) -> None:
        """Show an error, or all of a `HubErrors`: what, where, why and what to do; one event each with `--json`."""
        for item in each(error):
            self.event("error", **item.as_dict())
        with self._lock:
            for kind, text in error_lines(error):
                self._progress.print(self._safe(text), _ERROR_STYLES[kind])
            if self._in_actions:
                for item in each(error):
                    self._progress.print(annotation(item))

    @contextlib.contextmanager
    def step(self, text: str, *, node: str = "", done: str = "") -> Iterator[Step]:
        """Show that something is going on, and how long it took; a failure is said and goes on as it was raised.

        Args:
            text: what is going on.
            node: the node that it is of, where it is one's.
            done: what is so when it is done, by default the text.
        """
        step = Step(self, self._board, self._safe(text).strip(), node, self._safe(done).strip())
        open_steps = self._open_steps()
        open_steps.append(step)
        try:  # around the first sight of it, too: an interrupt may come at any time
            step.begin()
            yield step
        except KeyboardInterrupt:
            step.end("stopped", "✗", "yellow", "stopped after")
            raise
        except BaseException:
            step.end("failed", "✗", "red", "failed after")
            raise
        else:
            step.end("done", "✓", "green", "done in")
        finally:
            open_steps.remove(step)

    def _make_board(self) -> Board | None:
        if not isinstance(self._progress, RichPrinter):
            return None
        from .board import Board

        return Board(self._progress)

    def _open_steps(self) -> list[Step]:
        if not hasattr(self._steps, "open"):
            self._steps.open = []
        open_steps: list[Step] = self._steps.open
        return open_steps

    @contextlib.contextmanager
    def _result_turn(self) -> Iterator[None]:
        hidden = self._board.hidden() if self._board and self._shared_terminal else contextlib.nullcontext()
        with self._lock, hidden:
            yield

    def _safe(self, text: str) -> str:
        return harmless_in_actions(clean(text)) if self._in_actions else clean(text)


class Step:
    """Something that is going on."""

    def __init__(self, output: Output, board: Board | None, text: str, node: str, done: str) -> None:
        self._output = output
        self._board = board
        self._text, self._done = text, done
        self._fields = {"text": text, **({"node": node} if node else {})}
        self._note = ""
        self._started = time.monotonic()

    def update(self, note: str) -> None:
        """Say what the step is at."""
        note = clean(note).strip()
        if note == self._note:
            return
        self._note = note
        self._output.event("step", **self._fields, state="running", note=note)
        if self._board:
            self._board.show(self, self._text, note)
        else:
            self._output.line(f"{self._text}: {note}")

    def begin(self) -> None:
        """Show the step."""
        self._output.event("step", **self._fields, state="started")
        if self._board:
            self._board.show(self, self._text)
        else:
            self._output.line(f"{self._text} …")

    def end(self, state: str, mark: str, style: str, how: str) -> None:
        """Take the step off the terminal and say how it ended."""
        spent = time.monotonic() - self._started
        self._output.event("step", **self._fields, state=state, seconds=round(spent, 3))
        text = (state == "done" and self._done) or self._text
        if self._board:
            self._board.remove(self)
            self._output.line(f"{mark} {text} ({seconds(spent)})", style)
        else:
            self._output.line(f"{text} … {how} {seconds(spent)}")


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
