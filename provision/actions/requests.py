"""Requests to the engine on a node, and what its events mean to the operator."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import Exit, HubError
from ..output import Output
from ..transport import engine
from ..transport.ssh import connect
from .fleet import LoadedFleet

Blobs = Mapping[str, Callable[[], bytes]]


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
            "who": f"{getpass.getuser()}@{socket.gethostname()}",
            "from": job or socket.gethostname(),
            "command": self.command,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }


# GitHub Actions' own variables; together they make the job's page.
_CI_JOB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


@dataclass
class Outcome:
    """What became of one node: counts of its resources, and the error that stopped it, if one did."""

    node: str
    ok: int = 0
    changed: int = 0
    failed: int = 0
    seconds: float = 0.0
    error: HubError | None = None
    changes: list[Mapping[str, Any]] = field(default_factory=list)
    data: Any = None


def ask(
    loaded: LoadedFleet,
    node: str,
    op: str,
    caller: Caller,
    output: Output,
    *,
    blobs: Blobs | None = None,
    **fields: Any,
) -> Outcome:
    """Have the engine on a node do one operation, and return what came of it.

    Args:
        loaded: the fleet.
        node: the node's name.
        op: the engine's operation (docs/reference/engine.md).
        caller: who asks.
        output: where progress is shown.
        blobs: content by sha256 that the node may ask for.
        **fields: the operation's own fields.

    Raises:
        HubError: the node could not be reached, is locked, or the operation failed; `outcome` is lost then,
            so use `attempt` where it matters.
    """
    outcome = attempt(loaded, node, op, caller, output, blobs=blobs, **fields)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def attempt(
    loaded: LoadedFleet,
    node: str,
    op: str,
    caller: Caller,
    output: Output,
    *,
    blobs: Blobs | None = None,
    **fields: Any,
) -> Outcome:
    """Do the same as `ask`, with an error in the outcome instead of raised."""
    outcome = Outcome(node)
    request = {
        "format": 1,
        "op": op,
        "fleet": loaded.fleet.fleet,
        "node": node,
        "run": caller.as_dict(),
        "lock_wait": caller.lock_wait,
        **_fault(),
        **fields,
    }
    try:
        with connect(loaded.target(node)) as session:
            status = engine.run(session, request, blobs=blobs or {}, on_event=_Listener(outcome, output))
        if status != 0 and outcome.error is None:
            outcome.error = _stopped(node, status, caller.command)
    except HubError as error:
        outcome.error = outcome.error or error
    return outcome


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


class _Listener:
    """Turns the engine's events into output and an outcome."""

    def __init__(self, outcome: Outcome, output: Output) -> None:
        self._outcome = outcome
        self._output = output

    def __call__(self, event: engine.Event) -> None:
        self._output.event("engine", node=self._outcome.node, detail=dict(event))
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _say(self, text: str) -> None:
        self._output.line(f"{self._outcome.node}: {text}")

    def _on_resource(self, event: engine.Event) -> None:
        if event["status"] in ("changed", "would-change"):
            self._outcome.changes.append(event)
        if event["status"] == "changed":
            self._say(f"changed {event['id']} ({', '.join(change['what'] for change in event['changes'])})")

    def _on_unit(self, event: engine.Event) -> None:
        self._say(f"{event['action']} {event['name']}")

    def _on_progress(self, event: engine.Event) -> None:
        self._output.progress(event["text"])

    def _on_data(self, event: engine.Event) -> None:
        self._outcome.data = event["data"]

    def _on_error(self, event: engine.Event) -> None:
        self._outcome.error = self._outcome.error or HubError(
            event["code"],
            ": ".join(filter(None, (self._outcome.node, event.get("id"), event["message"]))),
            why=event.get("why", ""),
            hint=event.get("hint", ""),
        )

    def _on_locked(self, event: engine.Event) -> None:
        holder, node = event["holder"], self._outcome.node
        self._outcome.error = HubError(
            "locked",
            f"{node} is locked by {holder.get('who', 'somebody')}",
            why=f"`{holder.get('command', '?')}` since {holder.get('started', '?')} from {holder.get('from', '?')}",
            hint=f"wait for it with --lock-wait 600, or look with `hubctl lock status {node}`",
            exit_code=Exit.LOCKED,
        )

    def _on_end(self, event: engine.Event) -> None:
        self._outcome.ok = event["ok"]
        self._outcome.changed = event["changed"]
        self._outcome.failed = event["failed"]
        self._outcome.seconds = event["seconds"]
