"""One HTTPS site at a known address, verified against the local CA's roots."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

SECONDS = 30


class Hubctl(Protocol):
    """Run hubctl on the fleet's inventory; return what it said."""

    def __call__(self, *words: str, stdin: str = "") -> str: ...


class Failed(Exception):  # noqa: N818  it reads as what happened
    """A service did not answer as it should."""


@dataclass(frozen=True)
class Site:
    """Where a service answers.

    Args:
        host: its full name.
        address: the node's address.
        roots: file of the authority's root certificates.
    """

    host: str
    address: str
    roots: Path

    @property
    def url(self) -> str:
        """The address for people."""
        return f"https://{self.host}/"

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.roots))

    def _dial(self) -> ssl.SSLSocket:
        raw = socket.create_connection((self.address, 443), timeout=SECONDS)
        return self._context.wrap_socket(raw, server_hostname=self.host)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer.

        Raises:
            Failed: nobody answers, or not in JSON.
        """
        connection = http.client.HTTPSConnection(self.host)
        try:
            connection.sock = self._dial()
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failed(f"{method} {self.url}{path.lstrip('/')}: {error}") from error
        finally:
            connection.close()

    def expires(self) -> str:
        """Return the day the certificate ends."""
        with self._dial() as connection:
            certificate = connection.getpeercert() or {}
        until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return datetime.fromtimestamp(until, UTC).date().isoformat()
