"""An answer that is worked out in a thread of its own, while something else is done."""

from __future__ import annotations

import threading
from typing import Callable, Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """The result of a function that has begun to run.

    Args:
        work: the function. What it raises is raised by `result`.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits for it
            self._error = error

    def result(self) -> T:
        """Wait for the function to end; return what it returned."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value[0]
