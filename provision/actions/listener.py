"""What the engine's events mean to the operator: output, and an outcome."""

from __future__ import annotations

import msgspec

from ..errors import Exit, HubError
from ..output import Output
from ..output.text import one_line
from ..transport.engine import OnEvent
from ..transport.events import Data, End, Error, Event, Holder, Locked, Progress, Resource, Unit
from .outcome import Outcome


class Listener:
    """Turns the engine's events into output and an outcome. What is a line stays one, whatever the node says."""

    def __init__(self, op: str, outcome: Outcome, output: Output, on_event: OnEvent | None) -> None:
        self._op = op
        self._outcome = outcome
        self._output = output
        self._on_event = on_event
        self._answer: msgspec.Raw | None = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Data):  # commands show answers themselves
            self._output.event("engine", node=self._outcome.node, detail=msgspec.to_builtins(event))
        self._take(event)
        if self._on_event is not None:
            self._on_event(event)

    def _say(self, text: str) -> None:
        self._output.line(f"{self._outcome.node}: {one_line(text)}")

    def _take(self, event: Event) -> None:
        match event:
            case Resource():
                self._resource(event)
            case Unit():
                self._say(f"{event.action} {event.name}")
            case Progress():
                self._output.progress(one_line(event.text), self._outcome.node)
            case Data():
                self._answer = event.data
            case Error():
                self._outcome.error = self._outcome.error or self._error(event)
            case Locked():
                self._outcome.error = self._locked(event.holder)
            case End():
                if event.result == "done" and self._op != "converge":
                    from ..transport import answers  # late: deploys have none

                    self._outcome.data = answers.read(self._op, self._answer)
                self._outcome.ok, self._outcome.changed = event.ok, event.changed
                self._outcome.ended = True
                self._outcome.failed, self._outcome.seconds = event.failed, event.seconds

    def _resource(self, event: Resource) -> None:
        if event.status in ("changed", "would-change"):
            self._outcome.changes.append(event)
        if event.status == "changed":
            self._say(f"changed {event.id} ({', '.join(change.what for change in event.changes)})")

    def _error(self, event: Error) -> HubError:
        words = filter(None, (self._outcome.node, event.id, event.message))
        return HubError(event.code, one_line(": ".join(words)), why=event.why, hint=event.hint)

    def _locked(self, holder: Holder) -> HubError:
        node = self._outcome.node
        return HubError(
            "locked",
            one_line(f"{node} is locked by {holder.who or 'somebody'}"),
            why=one_line(
                f"`{holder.command or '?'}` since {holder.started or '?'} from {holder.origin or '?'}"
            ),
            hint=f"wait for it with --lock-wait 600, or look with `hubctl lock status {node}`",
            exit_code=Exit.LOCKED,
        )
