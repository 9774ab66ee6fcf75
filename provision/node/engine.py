"""Converging: each resource in order is compared and applied; then what is still due is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Callable

from .beside import Begun, Beside
from .errors import Interrupted, NodeError, from_os_error
from .journal import Due, Follows
from .meanwhile import Piece
from .resources.base import Change, Resource
from .run import Run
from .systemd import is_unit_file
from .tally import Tally


def converge(run: Run, resources: Sequence[Resource], tally: Tally) -> None:
    """Bring the node to the desired state, or say what differs.

    Args:
        run: the run.
        resources: the desired state, in order.
        tally: filled in as the run goes on.

    Raises:
        NodeError: a resource failed; those after it were not looked at.
        Interrupted: the operator is gone; the resource in hand was finished.
    """
    due = _due_by_cause(resources)
    run.units.ask_ahead(unit for resource in resources for unit in resource.units(run))
    run.meanwhile.offer(lambda: _meanwhile(run, resources))
    with Beside(resources if run.apply else ()) as beside:
        for index, resource in enumerate(resources):
            if run.peer.interrupted():
                raise Interrupted
            run.enter(index, resource.id)
            _one(run, resource, due, tally, beside.begun(resource.id))
            for later in beside.after(resource.id):
                run.enter(resources.index(later), later.id)
                _begin(run, later, due, beside)
    _flush(run, resources, due, tally)
    if run.apply:
        _verify(run)


def alone(run: Run, resource: Resource, tally: Tally) -> None:
    """Bring one resource to its desired state, apart from all others: what a deploy left due stays due.

    Raises:
        NodeError: it failed.
    """
    run.enter(0, resource.id)
    _one(run, resource, {}, tally)


def _meanwhile(run: Run, resources: Sequence[Resource]) -> list[Piece]:
    from .prefetch import pieces  # few runs want it

    return pieces(run, resources)


def _due_by_cause(resources: Sequence[Resource]) -> Follows:
    result: dict[str, list[Due]] = {}
    for resource in resources:
        for action, causes in resource.waits_for().items():
            for cause in causes:
                result.setdefault(cause, []).append(Due(resource.id, action))
    return result


def _one(run: Run, resource: Resource, due: Follows, tally: Tally, begun: Begun | None = None) -> None:
    started = time.monotonic()
    changes: list[Change] = []
    status = "failed"
    try:
        changes = begun.changes if begun else resource.compare(run)
        if begun:
            run.progress("finishing what was begun before")
            _complete(run, resource, changes, begun.new, begun.work.result)
        elif changes and run.apply:
            _apply(run, resource, changes, _follows(resource, changes, due))
        elif changes:
            _pretend(run, resource, _follows(resource, changes, due))
        status = ("changed" if run.apply else "would-change") if changes else "ok"
    except OSError as error:
        raise from_os_error(error) from error
    except Interrupted:
        status = "interrupted"
        raise
    finally:
        tally.note(resource.id, status, changes)
        send = run.peer.emit if changes or status != "ok" else run.peer.emit_later
        send(
            "resource",
            id=resource.id,
            status=status,
            changes=[{"what": change.what, "diff": change.diff} for change in changes],
            seconds=round(time.monotonic() - started, 3),
        )


def _follows(resource: Resource, changes: Sequence[Change], due: Follows) -> Follows:
    """Return what a change makes due, by the resource or the part of it that changes."""
    causes = dict.fromkeys([resource.id, *(change.cause for change in changes if change.cause)])
    return {cause: due.get(cause, []) for cause in causes}


def _pretend(run: Run, resource: Resource, follows: Follows) -> None:
    run.journal.settle(resource.id)
    run.journal.intend(resource.id, follows, daemon_reload=False)


def _begin(run: Run, resource: Resource, due: Follows, beside: Beside) -> None:
    """Begin to apply a resource before its turn, in which an error is told."""
    try:
        changes = resource.compare(run)
    except (NodeError, OSError):
        return
    if changes:
        new = _intend(run, resource, _follows(resource, changes, due))
        beside.begin(run, resource, changes, new)


def _apply(run: Run, resource: Resource, changes: Sequence[Change], follows: Follows) -> None:
    new = _intend(run, resource, follows)
    _complete(run, resource, changes, new, lambda: resource.apply(run))


def _intend(run: Run, resource: Resource, follows: Follows) -> Follows:
    """Note what a change makes due; return what was not due before."""
    run.stage("before")
    reload = any(is_unit_file(path) for path in resource.paths())
    new = run.journal.intend(resource.id, follows, daemon_reload=reload)
    run.peer.flush()
    run.units.changed()
    run.stage("journaled")
    return new


def _complete(
    run: Run, resource: Resource, changes: Sequence[Change], new: Follows, work: Callable[[], None]
) -> None:
    try:
        work()
    except (NodeError, OSError):
        # What has changed nothing makes nothing due; the next run tries it again.
        if _still_differs(run, resource, changes):
            run.journal.withdraw(resource.id, new)
        raise
    run.stage("after")


def _still_differs(run: Run, resource: Resource, changes: Sequence[Change]) -> bool:
    """Whether a resource differs as it did before it was applied."""
    try:
        return resource.compare(run) == list(changes)
    except (NodeError, OSError):
        return False


def _flush(run: Run, resources: Sequence[Resource], due: Follows, tally: Tally) -> None:
    """Do what later resources made due for earlier ones, and what former runs left for resources no longer wanted."""
    for index, resource in enumerate(resources):
        if run.journal.due(resource.id):
            run.enter(index, resource.id)
            _one(run, resource, due, tally)
            run.journal.settle(resource.id)
    for target in list(run.journal.pending) if run.apply else ():
        _do_orphan(run, target)
    if run.apply:
        run.journal.end_switches_but(resource.key for resource in resources if resource.kind == "release")
        run.daemon_reload(force=run.units.links_changed)


def _do_orphan(run: Run, target: str) -> None:
    kind, _, name = target.partition(":")
    if kind == "unit" and run.units.now(name)[0].running:
        run.daemon_reload()
        action = "restart" if "restart" in run.journal.due(target) else "reload"
        run.acted(name, action, run.journal.due(target)[action])
        run.units.act(action, name)
    run.journal.settle(target)


def _verify(run: Run) -> None:
    """See that the units that were started or restarted stayed up, and forget how those that were stopped ended.

    Raises:
        NodeError: one has failed since.
    """
    if not run.touched_units:
        return
    time.sleep(max(0.0, run.units.acted + run.system.settle - time.monotonic()))
    failed = [state.name for state in run.units.now(*sorted(run.touched_units)) if state.failed]
    # What takes longer than its limit to stop is killed, which systemd calls a failure.
    stopped = [name for name in failed if run.touched_units[name] == "stop"]
    if stopped:
        run.units.act("reset-failed", *stopped)
    if fallen := [name for name in failed if name not in stopped]:
        raise run.units.failure("staying up", fallen)
