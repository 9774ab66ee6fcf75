"""Commands that people run on nodes: output as it comes, a terminal where there is one. Fabric does the talking.

Fabric's own connections trust any host key; these are the pinned ones of `ssh.connect`, through gateways too.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from fabric import Config, Connection
from fabric.runners import Remote
from invoke.exceptions import Failure, ThreadException
from paramiko import SSHException

from .ssh import Session

Say = Callable[[str], None]

LONGEST_LINE = 1 << 16
"""What is longer is handed on in pieces: a line may have no end."""


class _Lines:
    """A stream that hands on whole lines."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._rest = ""

    def write(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._say(line.rstrip("\r"))
        while len(self._rest) > LONGEST_LINE:
            self._say(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]

    def flush(self) -> None:
        """Do nothing: a line goes when it is whole."""

    def end(self) -> None:
        """Hand on what came after the last line's end."""
        if self._rest:
            self._say(self._rest)


class _Passing(Remote):  # type: ignore[misc]  # Fabric has no types
    """Hands on what a program says and keeps nothing of it, which may be without an end."""

    def respond(self, buffer_: list[str]) -> None:
        """Answer nothing, and forget what was said."""
        buffer_.clear()


def _config() -> Config:
    return Config(overrides={"runners": {"remote": _Passing}}, lazy=True)


def run(session: Session, argv: Sequence[str], *, stdout: Say, stderr: Say, terminal: bool) -> int:
    """Run a program as root on a node, to its end; return its exit status.

    Args:
        session: the open connection.
        argv: the program and its arguments, as they are: no shell takes them apart.
        stdout: called with each line, as it comes.
        stderr: likewise.
        terminal: whether it gets a terminal: an interrupt then ends it, and both streams are one.

    Raises:
        HubError: the connection was lost.
    """
    target = session.target
    connection = Connection(target.address, user=target.user, port=target.port, config=_config())
    connection.transport = session.transport
    out, err = _Lines(stdout), _Lines(stderr)
    try:
        result = connection.run(
            shlex.join(target.as_root(argv)),
            out_stream=out,
            err_stream=err,
            in_stream=False,
            pty=terminal,
            warn=True,
            encoding="utf-8",
        )
    except (Failure, ThreadException, SSHException, OSError, EOFError) as error:
        raise session.lost(str(error)) from None
    finally:
        out.end()
        err.end()
    status = int(result.exited)
    if status < 0:
        raise session.lost(f"{argv[0]} ended without a status")
    return status
