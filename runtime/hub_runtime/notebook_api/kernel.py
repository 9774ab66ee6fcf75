"""One kernel: a process that runs code, one piece at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import select
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from .notebook import Cell, NotebookError

_OPTIONS = ("--HistoryManager.enabled=False", "--InteractiveShell.cache_size=0", "--colors=nocolor")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_GRACE = 5.0
"""Seconds that code has to end when it is interrupted."""
_INSIDE = Path(__file__).with_name("inside.py").read_text()
log = logging.getLogger(__name__)


class KernelDied(Exception):  # noqa: N818  it reads as what happened
    """The process ended while it ran code."""


class TooMuch(Exception):  # noqa: N818
    """The code printed, or has as its value, more than an answer may have."""


class CodeFailed(Exception):  # noqa: N818
    """The code raised an exception: its name and text, and the traceback."""

    def __init__(self, name: str, text: str, traceback: list[str]) -> None:
        super().__init__(f"{name}: {text}")
        self.traceback = _COLOUR.sub("", "\n".join(traceback))


class Result:
    """What code has printed, and its value as Jupyter displays it."""

    def __init__(self, most: int, printed: Callable[[str], None] | None) -> None:
        self._most, self._printed = most, printed
        self._parts: list[str] = []
        self.value: dict[str, Any] | None = None
        self.errors = ""
        self._failed: CodeFailed | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(self._parts)

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Take one message of the kernel."""
        if self.over.done():
            return
        if kind == "stream" and content.get("name", "stdout") == "stdout":
            self._print(content["text"])
        elif kind == "stream":
            self.errors = (self.errors + content["text"])[:2000]
        elif kind == "execute_result":
            self._take_room(json.dumps(content["data"]))
            self.value = content["data"]
        elif kind == "error":
            # It is over when the kernel is idle again, so that it can be asked anew.
            self._failed = CodeFailed(content["ename"], content["evalue"], content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            self.end(self._failed)

    def end(self, error: Exception | None) -> None:
        """Say that nothing more comes."""
        if not self.over.done():
            self.over.set_exception(error) if error else self.over.set_result(None)

    def _print(self, text: str) -> None:
        self._take_room(text)
        if self.over.done():
            return
        if self._printed is None:
            self._parts.append(text)
        else:
            self._printed(text)

    def _take_room(self, text: str) -> None:
        self._most -= len(text.encode("utf-8", "replace"))
        if self._most < 0:
            self.end(TooMuch())


class Tested(NamedTuple):
    """An API that the cells of a notebook's tests ask: its socket, and what opens all of it."""

    socket: Path
    token: str


class Kernel:
    """A process, and what is known of it; made by `start`."""

    def __init__(
        self, manager: AsyncKernelManager, client: AsyncKernelClient, pid: int, folder: Path
    ) -> None:
        self.pid = pid
        self.gone = asyncio.Event()
        """Whether the process has ended."""
        self._manager, self._client, self._folder = manager, client, folder
        self._running: dict[str, Result] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._watched = os.pidfd_open(pid)
        self._ending: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(self._watched, self._ended)

    @classmethod
    async def start(cls, folder: Path, *, cwd: Path, python: str, environment: dict[str, str]) -> Kernel:
        """Start a kernel.

        Args:
            folder: an empty one of its own, for its sockets; of a short path.
            cwd: where it runs.
            python: its interpreter.
            environment: variables beyond the server's own.
        """
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}", *_OPTIONS]
        manager = AsyncKernelManager(
            kernel_spec_manager=_OneSpec(argv),
            kernel_name="python3",
            transport="ipc",
            ip=str(folder / "k"),
            connection_file=str(folder / "connection.json"),
        )
        await manager.start_kernel(env={**os.environ, **environment}, cwd=str(cwd))
        process: Any = manager.provisioner
        return cls(manager, manager.client(), process.pid, folder)

    @property
    def alive(self) -> bool:
        """Whether the process is there this very moment; `gone` comes with the loop's next turn."""
        if self.gone.is_set():
            return False
        look = select.poll()
        look.register(self._watched, select.POLLIN)
        return not look.poll(0)

    @property
    def busy(self) -> bool:
        """Whether code is running."""
        return bool(self._running)

    async def prepare(self, tested: Tested | None = None) -> None:
        """Wait until it answers, then make it ready for requests.

        Args:
            tested: the API that its code can ask.
        """
        client: Any = self._client
        client.start_channels(stdin=False, hb=False, control=False)
        ready = asyncio.ensure_future(client.wait_for_ready())
        await asyncio.wait(
            {ready, died := asyncio.ensure_future(self.gone.wait())}, return_when="FIRST_COMPLETED"
        )
        died.cancel()
        if not ready.done():
            ready.cancel()
            raise KernelDied
        ready.result()
        self._readers = [
            asyncio.ensure_future(self._read_outputs()),
            asyncio.ensure_future(self._read_replies()),
        ]
        await self.run(_inside("install", "get_ipython()"))
        if tested:
            await self.run(f"ask = {_inside('asking', repr(str(tested.socket)), repr(tested.token))}")

    async def run(
        self,
        code: str,
        *,
        request: str | None = None,
        most: int = 1 << 20,
        printed: Callable[[str], None] | None = None,
    ) -> Result:
        """Run code until its end.

        Args:
            code: the code.
            request: what it finds as REQUEST.
            most: bytes that it may print.
            printed: called with what it prints, which then is in no result.

        Raises:
            CodeFailed: it raised an exception.
            KernelDied: the process ended.
            TooMuch: it printed more; it is still running.
        """
        if not self.alive:
            raise KernelDied
        session, channel = self._client.session, self._client.shell_channel
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        message = session.msg("execute_request", content)
        if request is not None:
            message["metadata"]["REQUEST"] = request
        identity = message["header"]["msg_id"]
        result = self._running[identity] = Result(most, printed)
        channel.send(message)
        await result.over
        return result

    async def answers(self, seconds: float) -> bool:
        """Whether it runs code within so many seconds; only for a kernel that has nothing to do."""
        try:
            await asyncio.wait_for(self.run(""), seconds)
        except (asyncio.TimeoutError, KernelDied):
            return False
        return True

    async def settle(self) -> None:
        """End what still runs: by an interrupt, which keeps the kernel's memory, else by the kernel's end."""
        if not self._running or self.gone.is_set():
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGINT)
        deadline = asyncio.get_running_loop().time() + _GRACE
        while self._running and not self.gone.is_set():
            if asyncio.get_running_loop().time() > deadline:
                log.warning("kernel %d does not end what it does: it is replaced", self.pid)
                await self.end()
                return
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        """End the process and all that it has started."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.gone.wait()
        for reader in self._readers:
            reader.cancel()
        self._client.stop_channels()
        await self._manager.shutdown_kernel(now=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        os.close(self._watched)
        self.gone.set()
        for result in self._running.values():
            result.end(KernelDied())
        self._running.clear()

    async def _read_outputs(self) -> None:
        channel = self._client.iopub_channel
        while True:
            message = await channel._recv()  # get_msg() polls first, which costs as much again
            identity, kind = message["parent_header"].get("msg_id"), message["header"]["msg_type"]
            if result := self._running.get(identity):
                result.take(kind, message["content"])
                if kind == "status" and message["content"]["execution_state"] == "idle":
                    del self._running[identity]
                    if result.errors:
                        log.info("printed to stderr: %s", result.errors)

    async def _read_replies(self) -> None:
        """Read away what says no more than the outputs do."""
        while True:
            await self._client.shell_channel.socket.recv_multipart()


class _OneSpec(KernelSpecManager):
    """Knows one kernel, whatever is installed where."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__()
        self._argv = argv

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002
        return KernelSpec(argv=self._argv, language="python", display_name="Python")


def _inside(function: str, *arguments: str) -> str:
    """Return an expression that calls a function of `inside`, and leaves no name of it behind."""
    names = "vars(__import__('types').ModuleType('inside'))"
    return f"(lambda n: exec({_INSIDE!r}, n) or n[{function!r}]({', '.join(arguments)}))({names})"


async def run_cell(kernel: Kernel, file: str, cell: Cell) -> None:
    """Run a cell of a notebook; what it prints is for whoever runs it in an editor.

    Raises:
        NotebookError: it fails; the traceback is in the journal.
    """
    try:
        await kernel.run(cell.source, most=sys.maxsize, printed=lambda _: None)
    except CodeFailed as error:
        log.error("%s: cell %d:\n%s", file, cell.number, error.traceback)
        raise NotebookError(f"{file}: cell {cell.number}: {error}") from error
    except KernelDied as error:
        raise NotebookError(f"{file}: cell {cell.number}: the kernel ended") from error
