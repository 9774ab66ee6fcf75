"""How fast and how big: the solver beside python-sat on the same clauses.

The opponents keep one SAT solver from the first question to the last answer (`bench/solver/contenders.py`); the best of
them counts, and the row names it. Single answers stand beside the original's loop as well. Each measurement is a
process of its own, contenders take turns, the solver has another seed each time, and figures are medians. Answers are
compared: where they differ, the bench stops. Usage: ``python -m bench.bench_solver [--limit SECONDS] [--repeats N]
[NAME …]``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.solver.answers import compare
from bench.solver.contenders import OPPONENTS, ORIGINAL, SOLVER, Answer, Contender, product, restarting
from bench.solver.instances import Instance, Rows, instances
from hub_runtime.tbn import greedy
from hub_runtime.tbn.parse import parse

RESULTS = Path(__file__).parent / "results"
CONTENDERS: dict[str, Contender] = {SOLVER: product, **OPPONENTS, ORIGINAL: restarting}
PATIENCE = 120.0
"""Seconds that the solver may take."""


class Cost(NamedTuple):
    """What one process took: seconds by the clock, seconds of processor, and the most memory, in MB."""

    wall: float
    cpu: float
    memory: float


def _child(
    pipe: multiprocessing.connection.Connection, work: Contender, rows: Rows, instance: Instance, seed: int
) -> None:
    greedy.SEED = seed
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))  # ahead of whatever else there is to do
    work(parse([["a"], ["a*"]]), 1, False)  # what the libraries do once is measured for neither
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work(parse(rows), instance.gen, instance.stable)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    pipe.send((Cost(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), answer))


def measure(
    work: Contender, rows: Rows, instance: Instance, seed: int, limit: float
) -> tuple[Cost, Answer] | None:
    """Cost and answer of one process; None past the limit."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sending, work, rows, instance, seed))
    process.start()
    sending.close()
    try:
        return receiving.recv() if receiving.poll(limit) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()


class Row(NamedTuple):
    """What came of one instance; seconds are medians."""

    name: str
    monomers: int
    entropy: int
    found: int
    costs: dict[str, Cost]
    limit: float
    bound: float | None

    @property
    def opponent(self) -> str | None:
        """The fastest that keeps its solver."""
        names = [name for name in OPPONENTS if name in self.costs]
        return min(names, key=lambda name: self.costs[name].cpu, default=None)

    def ratio(self, name: str | None) -> tuple[float, str]:
        """How many times the processor's seconds of the solver that contender needs; `>`: it was stopped."""
        cpu = self.costs[SOLVER].cpu
        if name is None or name not in self.costs:
            return self.limit / cpu, f">{self.limit / cpu:.0f}x"
        return self.costs[name].cpu / cpu, f"{self.costs[name].cpu / cpu:.2g}x"

    def __str__(self) -> str:
        """A row of the table in docs/reference/performance.md."""
        ours, other = self.costs[SOLVER], self.opponent
        theirs = f"{self.costs[other].cpu:.3f}" if other else f">{self.limit:.0f}"
        verdict = self.ratio(other)
        bound = (
            ""
            if self.bound is None
            else f"≥ {self.bound:g}x " + ("" if verdict[0] >= self.bound else "**missed**")
        )
        original = self.ratio(ORIGINAL)[1] if self.found == 1 else ""
        return (
            f"| {self.name} | {self.monomers} | {self.entropy} | {self.found} | {ours.wall:.3f} | {ours.cpu:.3f} | "
            f"{ours.memory:.0f} | {other or 'each'} | {theirs} | {verdict[1]} | {original} | {bound.strip()} |"
        )


def run(instance: Instance, limit: float, repeats: int) -> Row | None:
    """Measure an instance, contenders by turns; one that was stopped is not tried again."""
    rows = instance.make()
    network = parse(rows)
    costs: dict[str, list[Cost]] = {}
    names = [name for name in CONTENDERS if name != ORIGINAL or instance.gen == 1]
    ours: Answer | None = None
    for seed in range(repeats):
        for name in list(names):
            measured = measure(CONTENDERS[name], rows, instance, seed, PATIENCE if name == SOLVER else limit)
            if measured is None and name == SOLVER:
                return None
            if measured is None:
                names.remove(name)
                continue
            cost, answer = measured
            ours = ours or answer
            compare(network, ours, answer, instance.gen)
            costs.setdefault(name, []).append(cost)
    assert ours is not None
    medians = {name: Cost(*(median(values) for values in zip(*costs[name], strict=True))) for name in names}
    return Row(instance.name, len(rows), ours[0], len(ours[1]), medians, limit, instance.bound)


def chosen(names: list[str]) -> Iterator[Instance]:
    """The instances whose name begins so."""
    return (each for each in instances() if not names or each.name.startswith(tuple(names)))


def main() -> None:
    """Print one line an instance and write all figures to `bench/results/solver.json`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only instances whose name begins so")
    parser.add_argument("--limit", type=float, default=4.0, help="seconds that an opponent may take")
    parser.add_argument(
        "--repeats", type=int, default=5, help="processes of each contender, and seeds of the solver"
    )
    arguments = parser.parse_args()
    write = sys.stdout.write
    load = os.getloadavg()[0]
    write(
        "| instance | monomers | entropy | found | s | CPU s | MB | opponent | CPU s | ratio "
        "| original's loop | bound |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    results = []
    for instance in chosen(arguments.names):
        row = run(instance, arguments.limit, arguments.repeats)
        write(f"{row}\n" if row else f"| {instance.name} | no answer in {PATIENCE:.0f} s |\n")
        sys.stdout.flush()
        results += [row._asdict()] if row else []
    write(f"\nload average {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "solver.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
