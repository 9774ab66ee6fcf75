"""A run from its request to its `end` event: the lock, what a killed run left, the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import audit, lock
from .errors import Interrupted, NodeError, from_os_error
from .files import remove_tree, sweep
from .holder import Holder
from .journal import Journal
from .originals import restore_all
from .peer import Peer
from .records import dataclass
from .run import Run
from .system import STATE, System
from .tally import Tally

_ENGINES = 3
EXIT = {"done": 0, "failed": 1, "interrupted": 3, "locked": 75}

Body = Callable[[Run, Tally], None]


@dataclass(frozen=True)
class Request:
    """What the operator asks for.

    Args:
        system: the machine.
        peer: the operator.
        manifest: the request as it came, see docs/reference/engine.md.
        asked: when it came, by this machine's clock.
        fault: `RESOURCE:STAGE` at which the engine kills itself, in tests.
    """

    system: System
    peer: Peer
    manifest: Mapping[str, Any]
    asked: float
    fault: str = ""

    @property
    def caller(self) -> dict[str, object]:
        """Who asks, when and by which command."""
        caller = self.manifest.get("run")
        return dict(caller) if isinstance(caller, dict) else {}

    def run(self, *, apply: bool) -> Run:
        """Return a run that does it; a dry one without `apply`."""
        journal = Journal(self.system.path(f"{STATE}/journal.json"), durable=apply)
        return Run(
            self.system,
            self.peer,
            journal,
            apply=apply,
            caller=self.caller,
            asked=self.asked,
            fault=self.fault,
        )


def compare_only(request: Request, body: Body, total: int) -> int:
    """Do a dry run: no lock, nothing written. Return the exit status."""
    started = time.monotonic()
    run, tally = request.run(apply=False), Tally()
    request.peer.emit("start", total=total, pending=sorted(run.journal.pending))
    return _end(run, tally, _guard(run, body, tally), started)


def exclusively(
    request: Request, body: Body, total: int, plan: Callable[[], dict[str, object]] | None = None
) -> int:
    """Do a run that changes the node, under its lock. Return the exit status.

    Args:
        request: what is asked for.
        body: what is done.
        total: how many resources there are.
        plan: gives the plan to be kept, without secrets, if something changes.
    """
    peer = request.peer

    def waiting(holder: Holder) -> None:
        if peer.interrupted():
            raise Interrupted
        peer.emit("progress", id="lock", text=f"waiting for {holder.get('who', 'another run')}")

    started = time.monotonic()
    me: Holder = {**request.caller, "since": audit.now()}
    wait = float(request.manifest.get("lock_wait", 0))
    try:
        with lock.Lock(request.system).hold(me, wait, waiting):
            return _locked(request, body, total, plan, started)
    except lock.Locked as error:
        peer.emit("locked", holder=error.holder)
        result = "locked"
    except Interrupted:
        result = "interrupted"
    peer.emit("end", ok=0, changed=0, failed=0, seconds=round(time.monotonic() - started, 3), result=result)
    return EXIT[result]


def _locked(
    request: Request,
    body: Body,
    total: int,
    plan: Callable[[], dict[str, object]] | None,
    started: float,
) -> int:
    run, tally = request.run(apply=True), Tally()
    begun = audit.now()
    unfinished = run.journal.begin({**request.caller, "begun": begun})
    if unfinished:
        audit.record(run.state, {**unfinished, "result": "killed"})
    request.peer.emit("start", total=total, pending=sorted(run.journal.pending))

    def whole(run: Run, tally: Tally) -> None:
        for path in restore_all(run):
            request.peer.emit(
                "progress", id="journal", text=f"put back {path}, which a killed run left unchecked"
            )
        body(run, tally)

    result = _guard(run, whole, tally)
    run.enter(-1, "")
    _log(run, tally, result, begun, plan)
    return _end(run, tally, result, started)


def _log(
    run: Run, tally: Tally, result: str, begun: str, plan: Callable[[], dict[str, object]] | None
) -> None:
    entry = {
        **run.caller,
        "begun": begun,
        "ended": audit.now(),
        "result": result,
        "ok": tally.count("ok"),
        "changed": [change["id"] for change in tally.changes],
        "changes": tally.changes,
        "failed": [name for name, status in tally.statuses.items() if status == "failed"],
    }
    try:
        run.journal.end()
        audit.record(run.state, entry)
        if tally.changes and plan is not None:
            audit.keep_plan(run.state, run.name, plan())
        sweep(run.state / "plans")
        _prune_engines(run)
    except OSError as error:
        _say(run, from_os_error(error))


def _prune_engines(run: Run) -> None:
    """Keep the engines that were installed last, and this one."""
    folder = run.state / "engine"
    engines = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    for path in engines[:-_ENGINES]:
        if path not in Path(__file__).parents:
            remove_tree(path)


def _guard(run: Run, body: Body, tally: Tally) -> str:
    """Do the work; turn whatever goes wrong into an event and a result."""
    try:
        body(run, tally)
    except NodeError as error:
        _say(run, error)
    except Interrupted:
        return "interrupted"
    except OSError as error:
        _say(run, from_os_error(error))
    except Exception:  # noqa: BLE001  the operator gets an event, whatever it is
        _say(run, bug())
    else:
        return "done"
    return "failed"


def bug() -> NodeError:
    """Describe the exception in hand as a fault of the engine."""
    import traceback

    return NodeError("engine-bug", "the engine failed", why=traceback.format_exc(), hint="please report this")


def _say(run: Run, error: NodeError) -> None:
    fields = {"code": error.code, "message": error.message, "why": error.why, "hint": error.hint}
    run.peer.emit("error", id=run.in_hand, **fields)


def _end(run: Run, tally: Tally, result: str, started: float) -> int:
    run.peer.emit(
        "end",
        ok=tally.count("ok"),
        changed=tally.count("changed", "would-change"),
        failed=tally.count("failed"),
        seconds=round(time.monotonic() - started, 3),
        result=result,
        pending=sorted(run.journal.pending) if run.apply else [],
    )
    return EXIT[result]
