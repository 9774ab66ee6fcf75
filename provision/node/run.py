"""One run from its request to its `end` event: the lock, what a killed run left, the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import audit, lock
from .atomic import remove_tree
from .context import STATE, Context
from .engine import Tally
from .errors import Interrupted, NodeError, from_os_error
from .journal import Journal
from .originals import restore_all
from .session import Session
from .system import System

LOCK = "/run/hubctl/lock"
_ENGINES = 3
EXIT = {"done": 0, "failed": 1, "interrupted": 3, "locked": 75}

Body = Callable[[Context, Tally], None]


@dataclass(frozen=True)
class Request:
    """What the operator asks for.

    Args:
        system: the machine.
        session: the operator.
        manifest: the request as it came, see docs/reference/engine.md.
        fault: `RESOURCE:STAGE` at which the engine kills itself, in tests.
    """

    system: System
    session: Session
    manifest: Mapping[str, Any]
    fault: str = ""

    @property
    def run(self) -> dict[str, object]:
        """Who asks, when and by which command."""
        run = self.manifest.get("run")
        return dict(run) if isinstance(run, dict) else {}

    def context(self, *, apply: bool) -> Context:
        """Return the context of a run."""
        journal = Journal(self.system.path(f"{STATE}/journal.json"), durable=apply)
        return Context(self.system, self.session, journal, apply=apply, run=self.run, fault=self.fault)


def compare_only(request: Request, body: Body, total: int) -> int:
    """Do a dry run: no lock, nothing written. Return the exit status."""
    started = time.monotonic()
    ctx, tally = request.context(apply=False), Tally()
    request.session.emit("start", total=total, pending=sorted(ctx.journal.pending))
    return _end(ctx, tally, _guard(ctx, body, tally), started)


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
    session = request.session

    def waiting(holder: lock.Holder) -> None:
        if session.interrupted():
            raise Interrupted
        session.emit("progress", id="lock", text=f"waiting for {holder.get('who', 'another run')}")

    started = time.monotonic()
    me: lock.Holder = {**request.run, "since": audit.now()}
    wait = float(request.manifest.get("lock_wait", 0))
    try:
        with lock.hold(request.system.path(LOCK), me, wait, waiting):
            return _locked(request, body, total, plan, started)
    except lock.Locked as error:
        session.emit("locked", holder=error.holder)
        result = "locked"
    except Interrupted:
        result = "interrupted"
    session.emit(
        "end", ok=0, changed=0, failed=0, seconds=round(time.monotonic() - started, 3), result=result
    )
    return EXIT[result]


def _locked(
    request: Request,
    body: Body,
    total: int,
    plan: Callable[[], dict[str, object]] | None,
    started: float,
) -> int:
    ctx, tally = request.context(apply=True), Tally()
    begun = audit.now()
    unfinished = ctx.journal.begin({**request.run, "begun": begun})
    if unfinished:
        audit.record(ctx.state, {**unfinished, "result": "killed"})
    request.session.emit("start", total=total, pending=sorted(ctx.journal.pending))

    def whole(ctx: Context, tally: Tally) -> None:
        for path in restore_all(ctx):
            request.session.emit(
                "progress", id="journal", text=f"put back {path}, which a killed run left unchecked"
            )
        body(ctx, tally)

    result = _guard(ctx, whole, tally)
    _log(ctx, tally, result, begun, plan)
    return _end(ctx, tally, result, started)


def _log(
    ctx: Context, tally: Tally, result: str, begun: str, plan: Callable[[], dict[str, object]] | None
) -> None:
    entry = {
        **ctx.run,
        "begun": begun,
        "ended": audit.now(),
        "result": result,
        "ok": tally.count("ok"),
        "changed": [change["id"] for change in tally.changes],
        "changes": tally.changes,
        "failed": [name for name, status in tally.statuses.items() if status == "failed"],
    }
    try:
        ctx.journal.end()
        audit.record(ctx.state, entry)
        if tally.changes and plan is not None:
            audit.keep_plan(ctx.state, ctx.name, plan())
        _prune_engines(ctx)
    except OSError as error:
        _say(ctx, from_os_error(error))


def _prune_engines(ctx: Context) -> None:
    """Keep the engines that were installed last, and this one."""
    folder = ctx.state / "engine"
    engines = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    for path in engines[:-_ENGINES]:
        if path not in Path(__file__).parents:
            remove_tree(path)


def _guard(ctx: Context, body: Body, tally: Tally) -> str:
    """Do the work; turn whatever goes wrong into an event and a result."""
    try:
        body(ctx, tally)
    except NodeError as error:
        _say(ctx, error)
    except Interrupted:
        return "interrupted"
    except OSError as error:
        _say(ctx, from_os_error(error))
    except Exception:  # noqa: BLE001  the operator gets an event, whatever it is
        _say(ctx, bug())
    else:
        return "done"
    return "failed"


def bug() -> NodeError:
    """Describe the exception in hand as a fault of the engine."""
    import traceback

    return NodeError("engine-bug", "the engine failed", why=traceback.format_exc(), hint="please report this")


def _say(ctx: Context, error: NodeError) -> None:
    fields = {"code": error.code, "message": error.message, "why": error.why, "hint": error.hint}
    ctx.session.emit("error", id=ctx.in_hand, **fields)


def _end(ctx: Context, tally: Tally, result: str, started: float) -> int:
    ctx.session.emit(
        "end",
        ok=tally.count("ok"),
        changed=tally.count("changed", "would-change"),
        failed=tally.count("failed"),
        seconds=round(time.monotonic() - started, 3),
        result=result,
        pending=sorted(ctx.journal.pending) if ctx.apply else [],
    )
    return EXIT[result]
