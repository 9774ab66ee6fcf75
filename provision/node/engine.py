"""Converging: each resource in order is compared and applied; then what is still due is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .context import Context
from .errors import Interrupted, NodeError, from_os_error
from .journal import Due, Follows
from .resources.base import Change, Resource
from .systemd import is_unit_file


@dataclass
class Tally:
    """What came of a run: the status of each resource, and what changed."""

    statuses: dict[str, str] = field(default_factory=dict)
    changes: list[dict[str, object]] = field(default_factory=list)

    def note(self, resource: Resource, status: str, changes: Sequence[Change] = ()) -> None:
        """Note a resource's status; one that changed and is looked at again remains changed."""
        if status != "ok" or resource.id not in self.statuses:
            self.statuses[resource.id] = status
        if changes:
            self.changes.append({"id": resource.id, "what": [change.what for change in changes]})

    def count(self, *statuses: str) -> int:
        """Return how many resources have one of these statuses."""
        return sum(status in statuses for status in self.statuses.values())


def converge(ctx: Context, resources: Sequence[Resource], tally: Tally) -> None:
    """Bring the node to the desired state, or say what differs.

    Args:
        ctx: the run.
        resources: the desired state, in order.
        tally: filled in as the run goes on.

    Raises:
        NodeError: a resource failed; those after it were not looked at.
        Interrupted: the operator is gone; the resource in hand was finished.
    """
    due = _due_by_cause(resources)
    ctx.units.watch(unit for resource in resources for unit in resource.units(ctx))
    for index, resource in enumerate(resources):
        if ctx.session.interrupted():
            raise Interrupted
        ctx.enter(index, resource.id)
        _one(ctx, resource, due, tally)
    _flush(ctx, resources, due, tally)
    if ctx.apply:
        _verify(ctx)


def _due_by_cause(resources: Sequence[Resource]) -> Follows:
    result: dict[str, list[Due]] = {}
    for resource in resources:
        for action, causes in resource.waits_for().items():
            for cause in causes:
                result.setdefault(cause, []).append(Due(resource.id, action))
    return result


def _one(ctx: Context, resource: Resource, due: Follows, tally: Tally) -> None:
    started = time.monotonic()
    changes: list[Change] = []
    status = "failed"
    try:
        changes = resource.compare(ctx)
        if changes and ctx.apply:
            _apply(ctx, resource, changes, _follows(resource, changes, due))
        elif changes:
            _pretend(ctx, resource, _follows(resource, changes, due))
        status = ("changed" if ctx.apply else "would-change") if changes else "ok"
    except OSError as error:
        raise from_os_error(error) from error
    except Interrupted:
        status = "interrupted"
        raise
    finally:
        tally.note(resource, status, changes)
        ctx.session.emit(
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


def _pretend(ctx: Context, resource: Resource, follows: Follows) -> None:
    ctx.journal.settle(resource.id)
    ctx.journal.intend(resource.id, follows, daemon_reload=False)


def _apply(ctx: Context, resource: Resource, changes: Sequence[Change], follows: Follows) -> None:
    ctx.stage("before")
    reload = any(is_unit_file(path) for path in resource.paths())
    new = ctx.journal.intend(resource.id, follows, daemon_reload=reload)
    ctx.stage("journaled")
    try:
        resource.apply(ctx)
    except (NodeError, OSError):
        # What has changed nothing makes nothing due; the next run tries it again.
        if _still_differs(ctx, resource, changes):
            ctx.journal.withdraw(resource.id, new)
        raise
    ctx.stage("after")


def _still_differs(ctx: Context, resource: Resource, changes: Sequence[Change]) -> bool:
    """Whether a resource differs as it did before it was applied."""
    try:
        return resource.compare(ctx) == list(changes)
    except (NodeError, OSError):
        return False


def _flush(ctx: Context, resources: Sequence[Resource], due: Follows, tally: Tally) -> None:
    """Do what later resources made due for earlier ones, and what former runs left for resources no longer wanted."""
    for index, resource in enumerate(resources):
        if ctx.journal.due(resource.id):
            ctx.enter(index, resource.id)
            _one(ctx, resource, due, tally)
            ctx.journal.settle(resource.id)
    for target in list(ctx.journal.pending) if ctx.apply else ():
        _do_orphan(ctx, target)
    if ctx.apply:
        ctx.daemon_reload(force=ctx.units.links_changed)


def _do_orphan(ctx: Context, target: str) -> None:
    kind, _, name = target.partition(":")
    if kind == "unit" and ctx.units.now(name)[0].running:
        ctx.daemon_reload()
        action = "restart" if "restart" in ctx.journal.due(target) else "reload"
        ctx.acted(name, action, ctx.journal.due(target)[action])
        ctx.units.act(action, name)
    ctx.journal.settle(target)


def _verify(ctx: Context) -> None:
    """See that the units that were started or restarted stayed up.

    Raises:
        NodeError: one has failed since.
    """
    if not ctx.touched_units:
        return
    time.sleep(ctx.system.settle)
    failed = [state.name for state in ctx.units.now(*sorted(ctx.touched_units)) if state.failed]
    if failed:
        raise ctx.units.failure("staying up", failed)
