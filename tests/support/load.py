"""Constant requests from several clients, and how they fared.

In `make test` the clients leave the processors to others: two of 2 cores are busy with four who ask without a pause.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from types import TracebackType

from tests.support.site import Site

ERRORS = (OSError, http.client.HTTPException)


class Load:
    """Clients that ask all the time, some on new connections and some on kept ones.

    A kept connection that the server has closed meanwhile is opened again, as every HTTP client does; a request that
    gets no answer on a new one has failed.

    Attributes:
        pause: seconds between an answer and the next request of a client.
        late: seconds that 99 of 100 requests must be answered in; `make soak` is stricter in both.
    """

    pause = 0.1
    late = 10.0

    def __init__(
        self, site: Site, *, fresh: int = 2, kept: int = 2, path: str = "/status/none", status: int = 404
    ):
        self.failures: list[object] = []
        self.seconds: list[float] = []
        self._site, self._path, self._status = site, path, status
        self._stop = threading.Event()
        clients = [self._ask_anew] * fresh + [self._ask_on_one] * kept
        self._threads = [threading.Thread(target=client) for client in clients]

    @property
    def p99(self) -> float:
        """The time that 99 of 100 requests took at most, in seconds."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    def wait_for(self, requests: int, seconds: float = 60) -> None:
        """Wait until this many requests more have been answered."""
        target, deadline = len(self.seconds) + requests, time.monotonic() + seconds
        while len(self.seconds) < target:
            assert time.monotonic() < deadline, f"{len(self.seconds)} requests; failed: {self.failures}"
            time.sleep(0.05)

    def _ask_anew(self) -> None:
        while not self._stop.wait(self.pause):
            with self._measured(), contextlib.closing(self._site.connection()) as connection:
                self._request(connection)

    def _ask_on_one(self) -> None:
        connection = self._site.connection()
        while not self._stop.wait(self.pause):
            with self._measured():
                try:
                    self._request(connection)
                except ERRORS:
                    connection.close()
                    connection = self._site.connection()
                    self._request(connection)
        connection.close()

    def _request(self, connection: http.client.HTTPSConnection) -> None:
        connection.request("GET", self._path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != self._status:
            self.failures.append(answer.status)

    @contextlib.contextmanager
    def _measured(self):
        began = time.monotonic()
        try:
            yield
        except ERRORS as error:
            self.failures.append(repr(error))
        self.seconds.append(time.monotonic() - began)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
