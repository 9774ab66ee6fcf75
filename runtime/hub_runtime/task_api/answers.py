"""The JSON bodies of ``GET /status/<id>``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..tbn.errors import EarlyTerminationError
from .store import Job, Result, State

STATUS_CODE = {
    State.QUEUED: 202,
    State.RUNNING: 202,
    State.COMPLETE: 200,
    State.TIMED_OUT: 400,
    State.TBN_EXCEPTION: 401,
    State.TERMINATED: 401,
    State.EXCEPTION: 402,
}


def complete(configs: Sequence[bytes], entropy: int) -> Result:
    """All that was asked for.

    Args:
        configs: configurations, each as JSON.
        entropy: polymers of an unconstrained stable configuration.
    """
    return Result(State.COMPLETE, b'{"status":"COMPLETE",' + _found(configs, entropy) + b"}")


def timed_out(seconds: int, configs: Sequence[bytes], entropy: int | None) -> Result:
    """What was found until the time was over; an entropy that is not known yet is null."""
    message = msgspec.json.encode(
        f"No complete answer within {seconds} s: these are the configurations found."
    )
    body = b'{"status":"TimedOut","message":' + message + b"," + _found(configs, entropy) + b"}"
    return Result(State.TIMED_OUT, body)


def tbn_exception(message: str) -> Result:
    """The network or a constraint is wrong."""
    return _failed(State.TBN_EXCEPTION, "TBNException", message)


def exception(message: str) -> Result:
    """Anything else went wrong."""
    return _failed(State.EXCEPTION, "Exception", message)


def status(job: Job) -> tuple[int, bytes]:
    """HTTP status and body for a task in any state."""
    code = STATUS_CODE[job.state]
    if job.body is not None:
        return code, job.body
    if job.state is State.TERMINATED:
        return code, tbn_exception(str(EarlyTerminationError(job.count, job.polymers))).body
    return code, msgspec.json.encode({"status": "Progress", "count": job.count, "k": job.polymers})


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


def _found(configs: Sequence[bytes], entropy: int | None) -> bytes:
    known = b"null" if entropy is None else b"%d" % entropy
    return b'"configs":[' + b",".join(configs) + b'],"count":%d,"entropy":%s' % (len(configs), known)


def _failed(state: State, name: str, message: str) -> Result:
    return Result(state, msgspec.json.encode({"status": name, "message": message}))
