"""What can go wrong, in one vocabulary: a stable code, an exit code, and the next command to run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (docs/reference/exit-codes.md); 64 and up follow sysexits.h."""

    DONE = 0
    FAILED = 1
    CHANGES = 2  # plan: changes are pending
    USAGE = 64
    INVENTORY = 65
    UNREACHABLE = 69
    LOCKED = 75
    NOT_ALLOWED = 77


@dataclass(frozen=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Write the place as editors and compilers do."""
        return f"{self.file}:{self.line}:{self.column}"


class HubError(Exception):
    """An error that is shown to the operator as it is, never as a traceback.

    Args:
        code: stable identifier, lower case with hyphens, for scripts (`unknown-node`).
        message: what went wrong, one line.
        why: the cause or the evidence, may have several lines.
        hint: what to do next, best a command to run.
        exit_code: the process's exit code.
        where: place in the inventory, if the error has one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        why: str = "",
        hint: str = "",
        exit_code: Exit = Exit.FAILED,
        where: Position | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why
        self.hint = hint
        self.exit_code = exit_code
        self.where = where

    def as_dict(self) -> dict[str, object]:
        """Return the error for `--json`."""
        fields = {"code": self.code, "message": self.message, "why": self.why, "hint": self.hint}
        place = (
            {"file": self.where.file, "line": self.where.line, "column": self.where.column}
            if self.where
            else {}
        )
        return {**{key: value for key, value in fields.items() if value}, **place}


class HubErrors(HubError):  # noqa: N818  it is several
    """Several errors found in one go, such as all the mistakes of an inventory."""

    def __init__(self, errors: Iterable[HubError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(
            first.code, f"{len(self.errors)} errors", exit_code=first.exit_code, where=first.where, why=""
        )
