"""A context that is entered in a thread of its own, while something else is done."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """A context manager that has begun to enter another; its own entry waits for the end of that.

    Args:
        inner: the other one. What it raises is raised by the entry of this.
    """

    def __init__(self, inner: AbstractContextManager[T]) -> None:
        self._inner = inner
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._enter, daemon=True)
        self._thread.start()

    def _enter(self) -> None:
        try:
            self._value.append(self._inner.__enter__())
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits for it
            self._error = error

    def __enter__(self) -> T:
        """Wait until the other is entered."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Leave the other."""
        return self._inner.__exit__(kind, error, trace)

    def close(self) -> None:
        """Leave the other without having used it; whether it could be entered does not matter any more."""
        self._thread.join()
        if self._error is None:
            with suppress(Exception):
                self._inner.__exit__(None, None, None)
