"""The API's rate limits: so many requests an hour and a minute, counted over a sliding window."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """How a request stands: allowed or not, and what the headers say.

    Attributes:
        allowed: False for an answer of 429.
        limit: requests an hour.
        remaining: how many of them are left.
        reset: Unix time when the oldest counted request expires.
        retry_after: seconds to wait, for a refused burst; 0 otherwise.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: int
    retry_after: int = 0


class RateLimiter:
    """Counts the requests of one token; refused requests count for nothing."""

    def __init__(self, per_hour: int, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_hour, self._per_minute, self._clock = per_hour, per_minute, clock
        self._seen: deque[float] = deque()
        self._lock = threading.Lock()

    def count(self) -> Verdict:
        """Count one request and judge it."""
        with self._lock:
            now = self._clock()
            while self._seen and self._seen[0] <= now - 3600:
                self._seen.popleft()
            burst = [moment for moment in self._seen if moment > now - 60]
            oldest = self._seen[0] if self._seen else now
            reset = int(oldest + 3600)
            if len(self._seen) >= self._per_hour:
                return Verdict(allowed=False, limit=self._per_hour, remaining=0, reset=reset)
            left = self._per_hour - len(self._seen)
            if len(burst) >= self._per_minute:
                wait = max(1, int(burst[0] + 60 - now) + 1)
                return Verdict(
                    allowed=False, limit=self._per_hour, remaining=left, reset=reset, retry_after=wait
                )
            self._seen.append(now)
            return Verdict(allowed=True, limit=self._per_hour, remaining=left - 1, reset=reset)
