"""The operator at the other end: frames in, one JSON event a line out, and whether they are still there."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import zlib
from collections.abc import Mapping
from typing import Any

from .errors import Interrupted

_HEADER = 8
_STALLED_MS = 60_000
_MAX_FRAME = 1 << 30
_HELD_SECONDS = 0.3


class Peer:
    """One run's connection.

    Frames on `source` are an 8-byte big-endian length and that many bytes. The operator is gone when `source` ends,
    when `sink` is closed or takes nothing for a minute, or on SIGTERM, SIGHUP and SIGINT.

    Args:
        source: file descriptor to read from.
        sink: file descriptor to write to.
    """

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink
        self._stopped = False
        self._sink_lost = False
        self._held: list[bytes] = []
        self._sent = 0.0
        os.set_blocking(sink, False)

    def catch_signals(self) -> None:
        """Let the usual stop signals end the run after the resource in hand."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopped = True

    def receive(self, most: int = _MAX_FRAME) -> bytes:
        """Read one frame of so many bytes at most.

        Raises:
            Interrupted: the operator is gone.
            ValueError: it is longer.
        """
        length = int.from_bytes(self._read(_HEADER), "big")
        if length > most:
            raise ValueError(f"a frame of {length} bytes is too long")
        return self._read(length)

    def receive_json(self) -> Any:
        """Read one frame of gzipped JSON."""
        return json.loads(zlib.decompress(self.receive(), wbits=31))

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        while size > 0:
            if self._stopped:
                raise Interrupted
            if not poll.poll(500):
                continue
            part = os.read(self._source, min(size, 1 << 20))
            if not part:
                self._stopped = True
                raise Interrupted
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def interrupted(self) -> bool:
        """Whether the run must stop. Between frames the source is silent, so anything to read is its end."""
        if not self._stopped:
            poll = select.poll()
            poll.register(self._source, select.POLLIN)
            self._stopped = bool(poll.poll(0)) or self._sink_lost
        return self._stopped

    def emit(self, event: str, **fields: object) -> None:
        """Send one event. An operator who is gone gets nothing; the run learns of it by `interrupted`."""
        self._hold(event, fields)
        self.flush()

    def emit_later(self, event: str, **fields: object) -> None:
        """Send one event that is no news, together with others: each packet costs both sides more than a line."""
        self._hold(event, fields)
        if time.monotonic() - self._sent > _HELD_SECONDS:
            self.flush()

    def _hold(self, event: str, fields: Mapping[str, object]) -> None:
        line = json.dumps({"event": event, **fields}, ensure_ascii=False, separators=(",", ":"))
        self._held.append(line.encode("utf-8", "replace") + b"\n")

    def flush(self) -> None:
        """Send the events that are held back; whoever begins something long must."""
        data = memoryview(b"".join(self._held))
        self._held.clear()
        self._sent = time.monotonic()
        poll = select.poll()
        poll.register(self._sink, select.POLLOUT)
        while data and not self._sink_lost:
            try:
                data = data[os.write(self._sink, data) :]
            except BlockingIOError:  # noqa: PERF203
                self._sink_lost = not poll.poll(_STALLED_MS)
            except OSError:
                self._sink_lost = True
