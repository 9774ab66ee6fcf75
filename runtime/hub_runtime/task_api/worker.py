"""The queue worker: ``python -m hub_runtime.task_api.worker``.

SIGTERM stops it warm: it takes nothing more and ends when what it holds has ended. Stopped hard, whatever it
held is queued again within seconds by any other worker, or by itself when it is back.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from celery import Celery, bootsteps, signals
from kombu.exceptions import OperationalError

from .. import systemd
from ..current import release
from ..settings import load
from . import answers, broker, supervise
from .answers import Result
from .request import TaskRequest
from .settings import Settings
from .store import UNAVAILABLE, Finished, State, Store

SWEEP_EVERY = 1.0
BEAT_SECONDS = 10
RETRY_EVERY = 0.2
T = TypeVar("T")


def create_app(settings: Settings) -> Celery:
    """The Celery application with its one task and the sweeper."""
    app = broker.create(settings)
    store = Store(settings)

    def compute(job: str) -> None:
        perform(store, settings, job)

    app.task(name=broker.TASK)(compute)
    app.steps["consumer"].add(_sweeper(app, store, settings))
    return app


def perform(store: Store, settings: Settings, job: str) -> None:
    """Claim a task, solve it and record how it ended; a task not to be run is left alone."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    body = _persistently(lambda: store.claim(job, owner))
    if body is None:
        return
    try:
        request = msgspec.json.decode(body, type=TaskRequest)
        result = supervise.run(request, settings, lambda count, k: _renew(store, job, owner, count, k))
    except supervise.Cancelled:
        return
    except msgspec.MsgspecError as error:
        result = Result(State.EXCEPTION, f"This worker does not understand the task: {error}")
    except OSError as error:
        result = Result(State.EXCEPTION, f"The solver could not be started: {error}")
    _finish(store, job, owner, result)


def _finish(store: Store, job: str, owner: str, result: Result) -> None:
    """Record how a task ended; of an answer that finds no room, as much as does."""
    _persistently(lambda: store.hold(job, owner))
    ended = result
    while _recorded(store, job, owner, ended) is Finished.NO_ROOM:
        ended = answers.in_part(result, len(ended.configs) // 2)


def _recorded(store: Store, job: str, owner: str, result: Result) -> Finished:
    return _persistently(lambda: store.finish(job, owner, result.state, result.body))


def _renew(store: Store, job: str, owner: str, count: int, polymers: int) -> bool:
    """Keep solving while the store is away: the lease decides when it is back."""
    try:
        return store.renew(job, owner, count, polymers)
    except UNAVAILABLE:
        return True


def _persistently(call: Callable[[], T]) -> T:
    """Repeat until the store answers: an end that is not recorded would be lost."""
    while True:
        with contextlib.suppress(*UNAVAILABLE):
            return call()
        time.sleep(RETRY_EVERY)


def _sweeper(app: Celery, store: Store, settings: Settings) -> type[bootsteps.StartStopStep]:
    """A step of the consumer: says that this worker lives and brings lost tasks back into the queue."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    about = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "release": release(),
        "concurrency": settings.workers,
        "since": time.time(),
    }
    given_up = Result(State.EXCEPTION, f"The task lost its worker {settings.max_attempts} times.").body

    def sweep() -> None:
        try:
            store.beat(name, about, BEAT_SECONDS)
            for job in store.recover(given_up):
                broker.send(app, job)
        except (*UNAVAILABLE, OperationalError):
            return

    class Sweeper(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            consumer.timer.call_repeatedly(SWEEP_EVERY, sweep)
            sweep()

    return Sweeper


def main() -> None:
    """Run a worker until it is told to stop."""
    settings = load(Settings)
    app = create_app(settings)
    signals.worker_ready.connect(lambda **_: systemd.notify("READY=1"), weak=False)
    signals.worker_shutting_down.connect(lambda **_: systemd.notify("STOPPING=1"), weak=False)
    app.worker_main(
        ["worker", "--loglevel=INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    )


if __name__ == "__main__":
    main()
