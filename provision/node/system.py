"""The machine: where its files are and how its programs are run."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from .errors import NodeError, no_room
from .records import dataclass

if TYPE_CHECKING:
    import subprocess

STATE = "/var/lib/hubctl"
"""The engine's own directory."""

Runner = Callable[..., "Completed"]
OnLine = Optional[Callable[[str], None]]

_TAIL_LINES = 400
_LOOK_MS = 500
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Completed:
    """A program that has ended: exit status (127: not found, 124: ran past its limit) and its last output lines."""

    status: int
    output: str

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.output.rstrip().splitlines()[-lines:])


def run_program(
    argv: Sequence[str],
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    on_line: OnLine = None,
) -> Completed:
    """Run a program without a shell, in its own peer.

    Args:
        argv: the program and its arguments.
        stdin: what it reads: less than a pipe holds, 64 KiB.
        env: variables added to the engine's own.
        timeout: seconds after which the program and its children are killed.
        on_line: called with each line of output as it comes.
    """
    import subprocess

    environment = {"HOME": "/root", **os.environ, "PATH": _PATH, "LC_ALL": "C.UTF-8", **(env or {})}
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        return Completed(127, f"{argv[0]}: {error.strerror}")
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(stdin.encode())
    output = _Output(on_line)
    expired = _follow(child, output, timeout)
    status = child.wait()
    if expired:
        output.feed(f"{argv[0]} was stopped after {timeout:.0f} s\n".encode())
    return Completed(124 if expired else status, output.text())


class _Output:
    """The last lines of a program's output, handed on one by one."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            self._lines.append(text + "\n")
            if self._on_line is not None and text.strip():
                self._on_line(text.rstrip())

    def text(self) -> str:
        return "".join(self._lines) + self._rest.decode("utf-8", "replace")


def _follow(child: subprocess.Popen[bytes], output: _Output, timeout: float) -> bool:
    """Read what a program says until it ends; return whether it had to be killed."""
    if child.stdout is None:
        raise ValueError("the program's output is not piped")
    deadline = time.monotonic() + timeout
    poll = select.poll()
    poll.register(child.stdout, select.POLLIN)
    with child.stdout as pipe:
        while time.monotonic() < deadline:
            if poll.poll(_LOOK_MS):
                data = os.read(pipe.fileno(), 1 << 16)
                if not data:
                    return False
                output.feed(data)
            elif child.poll() is not None:
                return False  # something it left running keeps the pipe open
        os.killpg(child.pid, signal.SIGKILL)
        return True


class System:
    """The machine that is converged.

    Args:
        root: where its files are; not `/` only where the engine is tried on a folder.
        runner: runs programs.
        settle: seconds after which a started service that is going to fall has fallen.
    """

    def __init__(self, root: str = "/", runner: Runner = run_program, settle: float = 0.5) -> None:
        self._root = "" if root == "/" else root.rstrip("/")
        self.run = runner
        self.settle = settle

    def check(
        self,
        argv: Sequence[str],
        code: str,
        message: str,
        *,
        hint: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
        on_line: OnLine = None,
    ) -> None:
        """Run a program that must succeed; its output is the cause when it fails.

        Raises:
            NodeError: it failed.
        """
        done = self.run(list(argv), env=env, timeout=timeout, on_line=on_line)
        if done.status != 0:
            full, room = no_room(done.output)
            raise NodeError(full or code, message, why=done.tail(), hint=room or hint)

    def mortal(self, *, patient: bool = False) -> System:
        """Return this machine with programs that are killed when the engine ends; patient ones let others go first."""
        nice = ("nice",) if patient else ()

        def run(argv: Sequence[str], **options: object) -> Completed:
            return self.run([*nice, "setpriv", "--pdeathsig", "KILL", "--", *argv], **options)

        return System(self._root or "/", run, self.settle)

    def path(self, path: str) -> Path:
        """Return where the absolute `path` of the machine is."""
        return Path(self._root + path)

    def python(self) -> str:
        """Return the machine's own Python."""
        return str(self.path("/usr/bin/python3"))
