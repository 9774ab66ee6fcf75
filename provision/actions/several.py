"""The same thing on several nodes at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..output import Output
from .fleet import LoadedFleet
from .requests import Caller, Outcome, attempt

PARALLEL = 10  # sshd drops starts beyond that (MaxStartups), and an operator's line gains nothing


def at_once(one: Callable[[str], Outcome], nodes: Sequence[str], parallel: int = PARALLEL) -> list[Outcome]:
    """Do something with nodes, at most `parallel` at a time; return the outcomes in the nodes' order.

    An interrupt is not kept waiting: the threads are daemons, their connections end with the process, and by that the
    engines know to stop after the resource in hand.
    """
    if len(nodes) == 1:
        return [one(nodes[0])]
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[str, Outcome | BaseException]] = queue.SimpleQueue()
    for node in nodes:
        waiting.put(node)
    for _ in range(min(parallel, len(nodes))):
        threading.Thread(target=_work, args=(one, waiting, results), daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    while len(outcomes) < len(nodes):
        node, outcome = results.get()
        if isinstance(outcome, BaseException):
            raise outcome
        outcomes[node] = outcome
    return [outcomes[node] for node in nodes]


def _work(
    one: Callable[[str], Outcome],
    waiting: queue.SimpleQueue[str],
    results: queue.SimpleQueue[tuple[str, Outcome | BaseException]],
) -> None:
    while True:
        try:
            node = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            results.put((node, one(node)))
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits for the result
            results.put((node, error))


def until_failure(one: Callable[[str], Outcome], nodes: Sequence[str]) -> list[Outcome]:
    """Do one node after the other; the first that fails is the last."""
    outcomes = []
    for name in nodes:
        outcomes.append(one(name))
        if outcomes[-1].error is not None:
            break
    return outcomes


def ask_all(
    loaded: LoadedFleet, nodes: Sequence[str], op: str, caller: Caller, output: Output, **fields: Any
) -> list[Outcome]:
    """Have nodes do one operation of the engine, several at once; errors are in the outcomes."""
    return at_once(lambda name: attempt(loaded, name, op, caller, output, **fields), nodes)
