"""Clients that ask one address without a pause, each on a connection of its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Answers:
    """What came back: seconds of each request, their statuses, and when each one ended, by the clock."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    ends: list[float] = field(default_factory=list)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.seconds) / self.wall

    def quantile(self, part: float) -> float:
        """Seconds that this part of the requests took at most."""
        return sorted(self.seconds)[min(int(part * len(self.seconds)), len(self.seconds) - 1)]


async def measure(
    connect: Connect, method: str, path: str, body: bytes, *, clients: int, seconds: float
) -> Answers:
    """Ask for so many seconds."""
    answers, began = Answers(), time.perf_counter()
    request = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    await asyncio.gather(*(_client(connect, request, began + seconds, answers) for _ in range(clients)))
    answers.wall = time.perf_counter() - began
    return answers


async def _client(connect: Connect, request: bytes, until: float, answers: Answers) -> None:
    reader, writer = await connect()
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        ended = time.perf_counter()
        answers.seconds.append(ended - began)
        answers.ends.append(ended)
        answers.statuses[int(head[9:12])] += 1
    writer.close()
