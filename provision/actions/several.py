"""The same thing with several nodes at once, or one after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .outcome import Outcome

Item = TypeVar("Item")
Result = TypeVar("Result")

PARALLEL = 10  # sshd drops starts beyond that (MaxStartups), and an operator's line gains nothing


def at_once(one: Callable[[Item], Result], items: Sequence[Item], parallel: int = PARALLEL) -> list[Result]:
    """Do something with each item, at most `parallel` at a time; return the results in the items' order.

    What one raises, a defect, waits for the end of the others: none is left in the middle of its work.
    An interrupt is not kept waiting: the threads are daemons, their connections end with the process, and by that the
    engines know to stop after the resource in hand. (A ThreadPoolExecutor waits for its threads when Python ends.)
    """
    if len(items) == 1:
        return [one(items[0])]
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
    for number in range(len(items)):
        waiting.put(number)

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((number, one(items[number]), None))
            except BaseException as error:  # noqa: BLE001  raised again by whoever waits for the result
                ended.put((number, None, error))

    for _ in range(min(parallel, len(items))):
        threading.Thread(target=work, daemon=True).start()
    found = sorted((ended.get() for _ in items), key=lambda item: item[0])
    for _, _, error in found:
        if error is not None:
            raise error
    return [result for _, result, _ in found]


def until_failure(one: Callable[[str], Outcome], nodes: Sequence[str]) -> list[Outcome]:
    """Do one node after the other; the first that fails is the last."""
    outcomes = []
    for name in nodes:
        outcomes.append(one(name))
        if outcomes[-1].error is not None:
            break
    return outcomes
