"""Kernels that are kept ready: who dies is replaced, and has run the notebook before it serves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from .kernel import Kernel

log = logging.getLogger(__name__)
_LONGEST_PAUSE = 30.0


class Full(Exception):  # noqa: N818
    """So many requests wait that no more may."""


class Late(Exception):  # noqa: N818
    """No kernel was free in time."""


class Pool:
    """Kernels that are alike.

    Args:
        make: starts one and runs the notebook in it.
        size: how many there are.
        queued: how many requests may wait for one.
    """

    def __init__(self, make: Callable[[], Awaitable[Kernel]], size: int, queued: int) -> None:
        self._make, self._size, self._queued = make, size, queued
        self._kernels: list[Kernel | None] = []
        self._idle: deque[Kernel] = deque()
        self._waiting: deque[asyncio.Future[Kernel]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all kernels.

        Raises:
            NotebookError: the notebook fails in one.
        """
        tasks = [asyncio.ensure_future(self._make()) for _ in range(self._size)]
        made = await asyncio.gather(*tasks, return_exceptions=True)
        kernels = [each for each in made if isinstance(each, Kernel)]
        for each in made:
            if isinstance(each, BaseException):
                await asyncio.gather(*(kernel.end() for kernel in kernels))
                raise each
        self._kernels = list(kernels)
        for place, kernel in enumerate(kernels):
            self._give(kernel)
            self._spawn(self._keep(place, kernel))

    @contextlib.asynccontextmanager
    async def hold(self, seconds: float) -> AsyncIterator[Kernel]:
        """Have a kernel for oneself; what then still runs in it is ended.

        Args:
            seconds: longest to wait.

        Raises:
            Full: too many wait.
            Late: none was free in time.
        """
        kernel = await self._get(seconds)
        try:
            yield kernel
        finally:
            if kernel.busy:
                self._spawn(self._settle(kernel))
            else:
                self._give(kernel)

    async def health(self, seconds: float) -> list[bool]:
        """Return of each kernel whether it answers in so many seconds; one that runs code is bounded by a deadline."""
        idle = list(self._idle)
        self._idle.clear()
        found = await asyncio.gather(*(self._answers(kernel, seconds) for kernel in idle))
        healthy = dict(zip(idle, found, strict=True))
        return [kernel is not None and kernel.alive and healthy.get(kernel, True) for kernel in self._kernels]

    async def close(self) -> None:
        """End all kernels."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(kernel.end() for kernel in self._kernels if kernel))

    async def _answers(self, kernel: Kernel, seconds: float) -> bool:
        healthy = await kernel.answers(seconds)
        if healthy:
            self._give(kernel)
        else:
            await kernel.end()
        return healthy

    async def _get(self, seconds: float) -> Kernel:
        until = asyncio.get_running_loop().time() + seconds
        while True:
            kernel = self._idle.popleft() if self._idle else await self._wait(until)
            if kernel.alive:
                return kernel

    async def _wait(self, until: float) -> Kernel:
        if len(self._waiting) >= self._queued:
            raise Full
        place: asyncio.Future[Kernel] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait([place], timeout=until - asyncio.get_running_loop().time())
        except asyncio.CancelledError:
            if place.done():
                self._give(place.result())
            raise
        finally:
            if not place.done():
                self._waiting.remove(place)
        if not place.done():
            raise Late
        return place.result()

    def _give(self, kernel: Kernel) -> None:
        """Hand a kernel to whoever waits the longest."""
        if kernel.gone.is_set():
            return
        if self._waiting:
            self._waiting.popleft().set_result(kernel)
        else:
            self._idle.append(kernel)

    async def _settle(self, kernel: Kernel) -> None:
        await kernel.settle()
        self._give(kernel)

    async def _keep(self, place: int, kernel: Kernel) -> None:
        """Replace the kernel of a place whenever it ends."""
        while True:
            await kernel.gone.wait()
            log.warning("kernel %d ended; another one starts", kernel.pid)
            self._kernels[place] = None
            kernel = await self._another(kernel)
            self._kernels[place] = kernel
            self._give(kernel)

    async def _another(self, former: Kernel) -> Kernel:
        pause = 0.5
        while True:
            try:
                await former.end()
                return await self._make()
            except Exception as error:  # noqa: BLE001  whatever it was, the place is not left empty
                log.error("a kernel does not start, next try in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
