"""Settings of the service."""

from __future__ import annotations

import msgspec

from ..settings import Positive


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one request may ask for, and how much may wait: in all, and of one client."""

    body_bytes: Positive = 2_000_000
    monomers: Positive = 5_000
    sites: Positive = 50_000
    constraints: Positive = 1_000
    gen: Positive = 200_000
    result_bytes: Positive = 64_000_000
    queued: Positive = 10_000
    waiting_bytes: Positive = 128_000_000
    client_bytes: Positive = 64_000_000
    memory_bytes: Positive = 4_000_000_000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are in seconds.

    Attributes:
        redis_url: broker and job store: ``redis://``, ``rediss://`` or ``unix://`` followed by a path.
        timeout: longest run of one task.
        result_expires: how long an ended task can be asked for.
        workers: tasks a worker process runs at once.
        cors_origins: web origins that may call the API; ``*`` is every one.
        operator_token: lets a request through the proxy see ``/tasks`` and ``/metrics``.
        max_attempts: runs of a task whose worker keeps dying, before it ends as an exception.
    """

    redis_url: str = "redis://127.0.0.1:6379/0"
    timeout: Positive = 90
    result_expires: Positive = 300
    workers: Positive = 1
    cors_origins: tuple[str, ...] = ("*",)
    operator_token: str | None = None
    max_attempts: Positive = 3
    limits: Limits = Limits()
