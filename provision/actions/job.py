"""One command at work on nodes: what is asked of the engine on them, and what its events mean to the operator."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import HubError
from ..output import Output
from ..transport.connect import connect
from ..transport.engine import Blobs, Engine, OnEvent, prepare_to_connect, prepare_to_start, start
from ..transport.engine import run as run_engine
from .ahead import Ahead
from .fleet import LoadedFleet
from .outcome import Outcome
from .several import at_once

_MOST_COMMAND = 1000  # characters that a node is told of a command: it may name a thousand nodes


@dataclass(frozen=True)
class Caller:
    """Who asks and how: shown by the node's lock and kept in its audit log."""

    command: str
    lock_wait: int = 0

    def as_dict(self) -> dict[str, str]:
        """Return the `run` part of a request."""
        job = "/".join(filter(None, (os.environ.get(name, "") for name in _CI_JOB)))
        return {
            "id": str(uuid.uuid4()),
            "who": f"{_user()}@{socket.gethostname()}",
            "from": job or socket.gethostname(),
            "command": self.command[:_MOST_COMMAND],
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _user() -> str:
    """Return who runs this, by number where there is no name, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


# GitHub Actions' own variables; together they make the job's page.
_CI_JOB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


# How long a first login has the interpreter to itself. The node then opens the session, which takes longer than what
# is prepared meanwhile; where the line is so long that the time does not suffice, it is mostly spent waiting.
_LOGIN_SECONDS = 0.05


@dataclass(frozen=True)
class Job:
    """One command of an operator, at work on nodes of a fleet.

    Args:
        loaded: the fleet.
        caller: who asks.
        output: where progress is shown.
        key_file: the private key to enter nodes with, where it is not the operator's.
    """

    loaded: LoadedFleet
    caller: Caller
    output: Output
    key_file: Path | None = None
    _ahead: dict[str, Ahead[Engine]] = field(default_factory=dict, repr=False)
    _logged_in: threading.Event = field(default_factory=threading.Event, repr=False)

    @contextlib.contextmanager
    def ahead(self, nodes: Sequence[str]) -> Iterator[None]:
        """Connect to nodes and start their engines while the block prepares what they will be asked.

        Errors are kept for whoever asks the node. Engines that were asked nothing end with the block and have
        touched nothing.
        """
        for node in nodes:
            self._ahead[node] = Ahead(self._started(node))
        prepare_to_connect()
        self._logged_in.wait(_LOGIN_SECONDS)
        prepare_to_start()
        try:
            yield
        finally:
            for node in nodes:
                if unused := self._ahead.pop(node, None):
                    unused.close()

    def ask(
        self,
        op: str,
        node: str,
        *,
        blobs: Blobs | None = None,
        on_event: OnEvent | None = None,
        **fields: Any,
    ) -> Outcome:
        """Have the engine on a node do one operation, and return what came of it; an error is in the outcome.

        Args:
            op: the engine's operation (docs/reference/engine.md).
            node: the node's name.
            blobs: content by sha256 that the node may ask for.
            on_event: called with each of the engine's events too, as it comes.
            **fields: the operation's own fields.
        """
        from .listener import Listener  # late: the connection is being opened meanwhile

        outcome = Outcome(node)
        listener = Listener(op, outcome, self.output, on_event)
        try:
            with self._engine(node) as engine:
                status = run_engine(
                    engine, self._request(op, node, fields), blobs=blobs or {}, on_event=listener
                )
            if status != 0 and outcome.error is None:
                outcome.error = _stopped(node, status, self.caller.command)
        except HubError as error:
            outcome.error = outcome.error or error
        return outcome

    def ask_all(self, op: str, nodes: Sequence[str], **fields: Any) -> list[Outcome]:
        """Have nodes do one operation, several at once; return the outcomes in the nodes' order."""
        return at_once(lambda node: self.ask(op, node, **fields), nodes)

    def _engine(self, node: str) -> contextlib.AbstractContextManager[Engine]:
        return self._ahead.pop(node, None) or self._started(node)

    @contextlib.contextmanager
    def _started(self, node: str) -> Iterator[Engine]:
        with connect(self.loaded.target(node, self.key_file)) as session:
            self._logged_in.set()
            yield start(session)

    def _request(self, op: str, node: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "format": 1,
            "op": op,
            "fleet": self.loaded.fleet.fleet,
            "node": node,
            "run": self.caller.as_dict(),
            "lock_wait": self.caller.lock_wait,
            **_fault(),
            **fields,
        }


def _fault() -> dict[str, str]:
    """Return where the engine is to kill itself, in tests of crashes (docs/reference/engine.md)."""
    fault = os.environ.get("HUBCTL_FAULT")
    return {"fault": fault} if fault else {}


def _stopped(node: str, status: int, command: str) -> HubError:
    return HubError(
        "stopped",
        f"`{command}` stopped on {node} before its end",
        why=f"the engine ended with status {status}",
        hint="run the same command again: it carries on where this one stopped",
    )
