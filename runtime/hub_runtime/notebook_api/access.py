"""Who may ask an endpoint, and how often."""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict

from starlette.requests import Request

from ..client import client_of
from .notebook import Endpoint
from .options import Rate
from .request import Refused

_CLIENTS = 10_000
"""Clients that are remembered; beyond, those that have not asked for the longest time are forgotten."""


class Door:
    """Lets requests in, or says why not.

    Args:
        token: what opens the endpoints that need one.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._seen: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def let_in(self, request: Request, endpoint: Endpoint) -> None:
        """Let a request in.

        Raises:
            Refused: it lacks the token, or its client asks too often.
        """
        if endpoint.options.token and not self._has_token(request):
            raise Refused(401, "this needs the header Authorization: Bearer TOKEN", WWW_Authenticate="Bearer")
        if rate := endpoint.options.rate:
            client = client_of(request.headers.get("X-Forwarded-For"))
            if pause := self._pause((client, endpoint.name), rate, time.monotonic()):
                text = f"at most {rate.requests} requests in {rate.seconds} s: try again later"
                raise Refused(429, text, Retry_After=str(math.ceil(pause)))

    def _has_token(self, request: Request) -> bool:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        known = kind.lower() in ("bearer", "token")
        return bool(self._token) and known and hmac.compare_digest(given.encode(), str(self._token).encode())

    def _pause(self, key: tuple[str, str], rate: Rate, now: float) -> float:
        """Take one of the requests that a client has left; return the seconds until it has one, if it has none."""
        left, since = self._seen.pop(key, (float(rate.requests), now))
        left = min(rate.requests, left + (now - since) * rate.requests / rate.seconds)
        allowed = left >= 1
        self._seen[key] = (left - allowed, now)
        if len(self._seen) > _CLIENTS:
            self._seen.popitem(last=False)
        return 0.0 if allowed else (1 - left) * rate.seconds / rate.requests
