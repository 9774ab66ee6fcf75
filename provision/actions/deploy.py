"""deploy and plan: the inventory's plan for each node, applied or compared by the engine on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import HubError
from ..transport.engine import garbled
from .job import Job
from .outcome import Outcome
from .several import PARALLEL, at_once, until_failure

if TYPE_CHECKING:
    from ..plan import Plan
    from ..steps.context import Context


def deploy(
    job: Job, nodes: Sequence[str], *, apply: bool = True, parallel: int = PARALLEL, rolling: bool = False
) -> list[Outcome]:
    """Converge nodes, or compare them with `apply` off.

    Args:
        job: the fleet, who asks, and where progress is shown.
        nodes: names of nodes of the inventory.
        apply: whether anything is changed.
        parallel: how many nodes at once; one that fails does not stop the others.
        rolling: one node after the other, none after the first that fails.

    Returns:
        One outcome for each node that was tried, in the order asked for.
    """
    with job.ahead(nodes[: 1 if rolling else parallel]):
        from .contexts import contexts  # late: the connections are being opened meanwhile

        found = contexts(job.loaded, nodes, make=apply)

        others = [name for name in nodes if _names_other_packages(job, name)]

        def one(name: str) -> Outcome:
            if name in others:
                return _with_packages(job, found[name], apply=apply)
            return _deploy_one(job, found[name], apply=apply)

        return until_failure(one, nodes) if rolling else at_once(one, nodes, parallel)


def _deploy_one(job: Job, context: Context, *, apply: bool) -> Outcome:
    from ..plan import plan

    name = context.name
    try:
        wanted = plan(context)
    except HubError as error:
        return Outcome(name, error=error)
    outcome = Outcome(name)
    verb = "deploy" if apply else "compare"
    # Raised within the step, so that it is shown as failed; kept in the outcome, so that other nodes go on.
    with contextlib.suppress(HubError), job.output.step(f"{verb} {name}", node=name):
        outcome = job.ask(
            "converge",
            name,
            blobs=_blobs(wanted, context),
            apply=apply,
            resources=wanted.as_list(),
        )
        if outcome.error is None and outcome.tried != len(wanted.resources):
            outcome.error = garbled(
                name, f"it says done of {outcome.tried} of {len(wanted.resources)} resources"
            )
        if outcome.error is not None:
            raise outcome.error
    return outcome


def _names_other_packages(job: Job, name: str) -> bool:
    """Whether the inventory names other packages for a node's hub than were resolved last."""
    if job.loaded.fleet.nodes[name].services.jupyterhub is None:
        return False
    from .inventory_packages import unresolved  # few nodes have a hub

    return unresolved(job.loaded, name)


def _with_packages(job: Job, context: Context, *, apply: bool) -> Outcome:
    """Resolve the packages that the inventory names, then converge or compare; a new node resolves them after that."""
    from .packages import settle

    first = Outcome(context.name)
    try:
        try:
            lock = settle(job, context.name, keep=apply)
        except HubError as error:
            if error.code != "not-deployed":
                raise
            first = _deploy_one(job, context, apply=apply)
            if first.error or not apply:
                return first
            lock = settle(job, context.name)
    except HubError as error:
        first.error = error
        return first
    return first.then(_deploy_one(job, replace(context, packages=lock), apply=apply))


def _blobs(wanted: Plan, context: Context) -> Mapping[str, Callable[[], bytes]]:
    """Return the content that a node may ask for, by sha256: the code of its releases, and a hub's materials."""
    from ..node.resources import Release, Tree

    releases = [resource for resource in wanted.resources if isinstance(resource, Release)]
    trees = [resource for resource in wanted.resources if isinstance(resource, Tree)]
    return {
        **{each.bundle: partial(_content, each.service) for each in releases},
        **{each.sha256: lambda: context.course for each in trees},
    }


def _content(service: str) -> bytes:
    from ..bundles import bundle

    return bundle(service).content
