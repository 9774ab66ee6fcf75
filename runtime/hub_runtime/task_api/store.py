"""The one durable record of every task."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import msgspec
import redis

from . import scripts
from .settings import Settings

PREFIX = "task_api:"
BROKER_PREFIX = PREFIX + "broker:"
QUEUE = "task_api"
LEASE_MS = 5_000
UNSENT_MS = 10_000
"""A queued job without a message in the broker for so long is sent again."""
HOLD_MS = 60_000
"""A worker that is writing a large answer down keeps its task for so long."""
OVERHEAD = 8_192
"""Bytes that a task counts besides its own: nobody fills the queue with small ones either."""
ACCEPT_PERCENT, FINISH_PERCENT = 75, 95
"""Of Redis' memory may be in use when a task is accepted, and when its answer is kept."""
LARGE = 1 << 20
"""Bytes of an answer, packed, that are taken out of Redis one answer at a time."""
PIECE = 1 << 16
UNAVAILABLE = (redis.ConnectionError, redis.TimeoutError, redis.ResponseError)
"""Redis is out of reach, or takes nothing: it is full, or its disk is."""


class State(str, Enum):
    """Where a task stands. All but the first two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    TIMED_OUT = "timed_out"
    TBN_EXCEPTION = "tbn_exception"
    EXCEPTION = "exception"
    TERMINATED = "terminated"


@dataclass(frozen=True)
class Job:
    """One task as stored. Times are seconds since the epoch; the body is packed."""

    id: str
    state: State
    count: int
    polymers: int
    attempts: int
    created: float
    started: float | None
    finished: float | None
    body: bytes | None

    def answer(self) -> Iterator[bytes]:
        """The body in pieces: whole, a few large ones that are asked for at once would fill memory."""
        unpack, rest = zlib.decompressobj(), self.body or b""
        while rest:
            yield unpack.decompress(rest, PIECE)
            rest = unpack.unconsumed_tail
        yield unpack.flush()


class Accepted(Enum):
    """What became of a task that was offered."""

    YES = 1
    FULL = 0
    CLIENT_FULL = -1


class Finished(Enum):
    """What became of a task's end."""

    YES = 1
    NOT_OWNED = 0
    NO_ROOM = -1


class Store:
    """Jobs in Redis. Every method may raise one of ``UNAVAILABLE``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one_large = threading.Lock()
        self._redis: redis.Redis = redis.Redis.from_url(
            settings.redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=30
        )
        self._scripts = {
            name: self._redis.register_script(getattr(scripts, name))
            for name in ("ACCEPT", "WITHDRAW", "CLAIM", "RENEW", "FINISH", "TERMINATE", "RECOVER", "BEAT")
        }

    def accept(self, job: str, request: bytes, client: str) -> Accepted:
        """Record a new task of a client, unless too much is waiting."""
        limits, counted = self._settings.limits, len(request) + OVERHEAD
        most = [limits.waiting_bytes, limits.client_bytes, ACCEPT_PERCENT]
        keys = [self._key(job), *_keys("jobs", "queued", "stats", "shares", "waiting")]
        return Accepted(self._run("ACCEPT", keys, [job, request, limits.queued, client, counted, *most]))

    def withdraw(self, job: str) -> None:
        """Forget a task whose message could not be sent."""
        keys = [self._key(job), *_keys("jobs", "queued", "stats", "shares", "waiting")]
        self._run("WITHDRAW", keys, [job])

    def claim(self, job: str, owner: str) -> bytes | None:
        """Take a queued task, or one whose owner is gone: its request, or None when it is not to be run."""
        keys = [self._key(job), *_keys("queued", "running")]
        return cast("bytes | None", self._run("CLAIM", keys, [job, owner, LEASE_MS]))

    def renew(self, job: str, owner: str, count: int, polymers: int) -> bool:
        """Show progress and keep the lease; False when the task is no longer the owner's to run."""
        keys = [self._key(job), *_keys("running")]
        return bool(self._run("RENEW", keys, [job, owner, LEASE_MS, count, polymers]))

    def hold(self, job: str, owner: str) -> None:
        """Keep the lease while an answer is being written down."""
        self._run("RENEW", [self._key(job), *_keys("running")], [job, owner, HOLD_MS])

    def finish(self, job: str, owner: str, state: State, body: bytes) -> Finished:
        """End a task with the JSON that its status is to answer."""
        keys = [self._key(job), *_keys("running", "stats", "shares", "waiting")]
        kept = [zlib.compress(body, level=1), self._settings.result_expires, FINISH_PERCENT]
        return Finished(self._run("FINISH", keys, [job, owner, state.value, *kept]))

    def terminate(self, job: str) -> bool:
        """End a task that has not ended; False when there is none of that id."""
        keys = [self._key(job), *_keys("queued", "running", "stats", "shares", "waiting")]
        return bool(self._run("TERMINATE", keys, [job, self._settings.result_expires]))

    def recover(self, given_up: bytes) -> list[str]:
        """Queue again what lost its worker or its message: ids whose message has to be sent.

        Args:
            given_up: JSON of the answer for a task that lost its worker too often.
        """
        keys = [*_keys("jobs", "queued", "running", "stats", "shares", "waiting"), BROKER_PREFIX + QUEUE]
        arguments = [
            self._key(""),
            self._settings.max_attempts,
            zlib.compress(given_up),
            self._settings.result_expires,
            UNSENT_MS,
        ]
        return [job.decode() for job in self._run("RECOVER", keys, arguments)]

    def get(self, job: str) -> Job | None:
        """The task of that id, unless there never was one or it has expired."""
        key = self._key(job)
        # Redis holds what it is about to send in memory, too.
        large = self._redis.hstrlen(key, "body") > LARGE
        with self._one_large if large else contextlib.nullcontext():
            return _job(job, cast("dict[bytes, bytes]", self._redis.hgetall(key)))

    def newest(self, limit: int) -> Iterator[Job]:
        """The latest tasks, newest first, without their answers."""
        found = cast("list[bytes]", self._redis.zrevrange(PREFIX + "jobs", 0, limit - 1))
        names = [job.decode() for job in found]
        fields = ["state", "count", "k", "attempts", "created", "started", "finished"]
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(self._key(name), fields)
        for name, values in zip(names, pipeline.execute() if names else [], strict=True):
            record = {field.encode(): value for field, value in zip(fields, values, strict=True)}
            job = _job(name, {key: value for key, value in record.items() if value is not None})
            if job is not None:
                yield job

    def beat(self, worker: str, about: dict[str, Any], seconds: int) -> None:
        """Say that a worker is alive, for that long."""
        self._run("BEAT", [f"{PREFIX}worker:{worker}"], [msgspec.json.encode(about), seconds])

    def workers(self) -> dict[str, Any]:
        """Workers that said so lately, by name."""
        keys = list(self._redis.scan_iter(f"{PREFIX}worker:*", count=1000))
        values = self._redis.mget(keys) if keys else []
        names = [key.decode().removeprefix(f"{PREFIX}worker:") for key in keys]
        return {
            name: msgspec.json.decode(value)
            for name, value in sorted(zip(names, values, strict=True))
            if value is not None
        }

    def counts(self) -> dict[str, int]:
        """Tasks now queued and running, and how many were accepted, recovered and ended in each state."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zcard(PREFIX + "queued")
        pipeline.zcard(PREFIX + "running")
        pipeline.hgetall(PREFIX + "stats")
        queued, running, stats = pipeline.execute()
        ended = {name.decode(): int(value) for name, value in stats.items()}
        return {"queued": queued, "running": running, **ended}

    def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        return self._scripts[script](keys=keys, args=arguments)

    @staticmethod
    def _key(job: str) -> str:
        return f"{PREFIX}job:{job}"


def _keys(*names: str) -> list[str]:
    return [PREFIX + name for name in names]


def _job(name: str, record: dict[bytes, bytes]) -> Job | None:
    if b"state" not in record:
        return None

    def seconds(field: bytes) -> float | None:
        return int(record[field]) / 1000 if field in record else None

    return Job(
        id=name,
        state=State(record[b"state"].decode()),
        count=int(record.get(b"count", 0)),
        polymers=int(record.get(b"k", 0)),
        attempts=int(record.get(b"attempts", 0)),
        created=seconds(b"created") or 0.0,
        started=seconds(b"started"),
        finished=seconds(b"finished"),
        body=record.get(b"body"),
    )
