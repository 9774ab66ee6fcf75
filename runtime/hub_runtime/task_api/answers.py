"""The JSON bodies of ``GET /status/<id>``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from ..tbn.errors import EarlyTerminationError
from .store import Job, State

STATUS_CODE = {
    State.QUEUED: 202,
    State.RUNNING: 202,
    State.COMPLETE: 200,
    State.TIMED_OUT: 400,
    State.TBN_EXCEPTION: 401,
    State.TERMINATED: 401,
    State.EXCEPTION: 402,
}


@dataclass(frozen=True)
class Result:
    """How a task ended.

    Attributes:
        state: a final one.
        message: what went wrong.
        configs: configurations found, each as JSON; whatever ends a task takes none of them away.
        entropy: polymers of an unconstrained stable configuration, where that is known.
    """

    state: State
    message: str = ""
    configs: Sequence[bytes] = ()
    entropy: int | None = None

    @property
    def body(self) -> bytes:
        """The JSON that its status answers."""
        if self.state is State.TBN_EXCEPTION:
            return msgspec.json.encode({"status": "TBNException", "message": self.message})
        known = b"null" if self.entropy is None else b"%d" % self.entropy
        found = b'"configs":[%s],"count":%d,"entropy":%s' % (
            b",".join(self.configs),
            len(self.configs),
            known,
        )
        if self.state is State.COMPLETE:
            return b'{"status":"COMPLETE",' + found + b"}"
        name = b"TimedOut" if self.state is State.TIMED_OUT else b"Exception"
        return b'{"status":"%s","message":%s,%s}' % (name, msgspec.json.encode(self.message), found)


def in_part(result: Result, given: int) -> Result:
    """Only the first configurations of a result that the store has no room for."""
    message = (
        f"There is no room for all {len(result.configs)} configurations found: these are the first {given}. "
        "Ask for fewer, or again when other results have expired."
    )
    return replace(result, state=State.EXCEPTION, message=message, configs=result.configs[:given])


def status(job: Job) -> tuple[int, Iterable[bytes]]:
    """HTTP status and body, in pieces, for a task in any state."""
    code = STATUS_CODE[job.state]
    if job.body is not None:
        return code, job.answer()
    if job.state is State.TERMINATED:
        message = str(EarlyTerminationError(job.count, job.polymers))
        return code, [Result(State.TBN_EXCEPTION, message).body]
    return code, [msgspec.json.encode({"status": "Progress", "count": job.count, "k": job.polymers})]


def summary(job: Job) -> dict[str, str | int | float | None]:
    """One line of the operator's list."""
    return {
        "task_id": job.id,
        "state": job.state.value,
        "count": job.count,
        "k": job.polymers,
        "attempts": job.attempts,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
    }
