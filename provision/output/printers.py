"""The two ways to print: plain lines for files and CI, Rich for a terminal. Rich is imported when it is first used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from .text import table_lines

if TYPE_CHECKING:
    from rich.console import Console


class Printer(Protocol):
    """Prints clean text on one stream."""

    def print(self, text: str, style: str = "") -> None:
        """Print text as it is; `style` is Rich's, and only for terminals."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table."""


class PlainPrinter:
    """Lines without escape sequences, never cut."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def print(self, text: str, style: str = "") -> None:  # noqa: ARG002 - plain text has no style
        """Print text as it is."""
        write(self._stream, f"{text}\n")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table as aligned columns."""
        self.print("\n".join(table_lines(title, columns, rows)))


class RichPrinter:
    """Colours and tables on a terminal; markup in the text is no markup."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """Rich's console for the stream."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self._stream, markup=False, emoji=False, highlight=False)
        return self._console

    def print(self, text: str, style: str = "") -> None:
        """Print text; the terminal wraps it, so that a command can be copied whole."""
        from rich.text import Text

        self.console.print(Text(text, style=style), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table as wide as the terminal; long cells are folded."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=Text(title, style="bold"),
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            show_edge=False,
        )
        for column in columns:
            table.add_column(Text(column), overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table)


def write(stream: TextIO, text: str) -> None:
    """Write and flush; characters the stream cannot encode become `?`."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
