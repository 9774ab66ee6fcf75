"""hubctl with the benchmark's resources in its plan: `python -m bench.deploy.hubctl deploy …`.

A process of its own, so that what is measured is what an operator waits for: interpreter, imports and all.
BENCH_PLAN is `whole` (hubctl's plan and more), `files` (files alone) or `own` (hubctl's plan as it is);
BENCH_REVISION is the text of the file that changes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence

from provision.actions.job import Job


def extend(plan: str, revision: str) -> None:
    """Let plans made from now on hold the benchmark's resources."""
    import provision.plan

    from . import desired

    own: Callable[..., list[object]] = getattr(provision.plan, "own_base", provision.plan.base)  # type: ignore[attr-defined]
    bases: dict[str, Callable[..., list[object]]] = {
        "own": own,
        "whole": lambda ctx: [*own(ctx), *desired.whole(revision)],
        "files": lambda _: list(desired.files(revision)),
    }
    provision.plan.own_base = own  # type: ignore[attr-defined]
    provision.plan.base = bases[plan]  # type: ignore[attr-defined, assignment]


def _extend_later() -> None:
    """Extend plans where hubctl makes them, so that it imports in its own order: plans while connections open."""
    ahead = Job.ahead

    @contextlib.contextmanager
    def extended(job: Job, nodes: Sequence[str]) -> Iterator[None]:
        with ahead(job, nodes):
            extend(os.environ["BENCH_PLAN"], os.environ.get("BENCH_REVISION", "0"))
            yield

    Job.ahead = extended  # type: ignore[method-assign]


if __name__ == "__main__":
    _extend_later()
    from provision.__main__ import run

    run()
