"""A function that runs as a user, in a child that has given up root's rights for good."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Mapping
from typing import Any, Callable

from ..facts import Account

_MOST = 16 << 20
_GRACE = 5
"""Seconds: the engine, if it lives, is first to see that the time is over."""


def as_user(account: Account, seconds: int, work: Callable[[], Mapping[str, Any]]) -> Any:
    """Return what a function returns when it runs as a user, as JSON has it.

    The child shares the engine's memory as it is now, which no process of the user can look into. It ends with its
    time, also when the engine has been killed.

    Raises:
        TimeoutError: it took longer, as when the user stopped it.
        OSError: it ended otherwise.
    """
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(account, seconds, work, sink)
    os.close(sink)
    try:
        said, ended = _read(source, time.monotonic() + seconds)
    finally:
        os.close(source)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not ended:
        raise TimeoutError(0, f"it took longer than {seconds} s")
    try:
        return json.loads(said)
    except ValueError:
        raise OSError(0, "it was ended before it was done") from None


def _be_child(account: Account, seconds: int, work: Callable[[], Mapping[str, Any]], sink: int) -> None:
    """Do the work and end; nothing of what the engine would do afterwards is done here."""
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(seconds + _GRACE)
        if os.geteuid() == 0:
            os.setgroups([account.gid])
            os.setgid(account.gid)
            os.setuid(account.uid)
        rest = memoryview(json.dumps(work()).encode())
        while rest:
            rest = rest[os.write(sink, rest) :]
    except BaseException:  # noqa: BLE001  whatever it is, the child ends here
        traceback.print_exc()
    finally:
        os._exit(0)


def _read(source: int, deadline: float) -> tuple[bytes, bool]:
    """Read to the end; return what was said, and whether that end came in time."""
    said, poll = bytearray(), select.poll()
    poll.register(source, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and len(said) < _MOST:
        if poll.poll(left * 1000):
            piece = os.read(source, 1 << 16)
            if not piece:
                return bytes(said), True
            said += piece
    return bytes(said), False
