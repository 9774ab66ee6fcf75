"""hubctl with the benchmark's resources in its plan: `python -m bench.deploy.hubctl deploy …`.

A process of its own, so that what is measured is what an operator waits for: interpreter, imports and all.
BENCH_PLAN is `whole` (hubctl's plan and more), `files` (files alone) or `own` (hubctl's plan as it is);
BENCH_REVISION is the text of the file that changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import provision.plan
from provision.node.resources import Resource
from provision.steps.context import Context

from . import desired

OWN: Callable[[Context], list[Resource]] = provision.plan.base  # type: ignore[attr-defined]


def extend(plan: str, revision: str) -> None:
    """Let plans made from now on hold the benchmark's resources."""
    bases: dict[str, Callable[[Context], list[Resource]]] = {
        "own": OWN,
        "whole": lambda ctx: [*OWN(ctx), *desired.whole(revision)],
        "files": lambda _: desired.files(revision),
    }
    provision.plan.base = bases[plan]  # type: ignore[attr-defined, assignment]


if __name__ == "__main__":
    extend(os.environ["BENCH_PLAN"], os.environ.get("BENCH_REVISION", "0"))
    from provision.__main__ import run

    run()
