"""The entropy of one component by column generation.

Choose polymers so that every monomer is in exactly one and there are as many polymers as possible. The linear
relaxation over the polymers known so far prices every monomer; a polymer whose monomers cost less than one
polymer is worth adding. When an exact search finds none, the relaxation bounds the entropy from above, and an
integer choice among the polymers known nearly always meets that bound.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice

import highspy
import numpy as np

from .greedy import Greedy
from .potential import Prices, prices, quiet
from .reduction import Column, Component
from .tight import GaveUpError, Growth

EPSILON = 1e-6
FIRST_NOISES = (0.0, *(1.0,) * 20)
MOST_FIRST = 1_000
"""Polymers to begin with: half as many around each seed as there are seeds, but so many in all at most."""
NOISES = (0.0, 0.3, 1.0)
EXACT_EVERY = 15
VERTICES = 8
"""After so many exact searches prices are taken from the middle of the best ones: at a corner many monomers are free or
dear by chance, and among degenerate ones a search can go on for long."""
REPAIRS = ((20, 3_000), (200, 30_000), (1_000, 300_000))
"""Polymers around each seed, and steps to find them, added to close a gap between relaxation and integers."""
REPAIR_SECONDS = 10.0
SLOW = (
    "mip_allow_restart",
    "mip_heuristic_run_feasibility_jump",
    "mip_heuristic_run_rens",
    "mip_heuristic_run_rins",
    "mip_heuristic_run_root_reduced_cost",
)
"""Options of the exact search by a MIP that take longer than they save."""
GROWTH_STEPS = 500
PER_SEED = 5


@dataclass(frozen=True)
class Bound:
    """What is known about the most polymers of a component.

    Attributes:
        most: more polymers are not possible.
        duals: prices of the classes; when the search is over, no polymer costs less than one at them.
        example: as many polymers that divide the component.
        known: the polymers that the relaxation chose from.
    """

    most: int
    duals: tuple[float, ...]
    example: tuple[Column, ...]
    known: Collection[Column]

    @property
    def polymers(self) -> int:
        """So many are possible."""
        return len(self.example)


class Master:
    """The relaxation over the polymers known so far."""

    def __init__(self, component: Component) -> None:
        self._solver = quiet(len(component.counts))
        for total in component.counts:
            self._solver.addRow(total, total, 0, np.array([], dtype=np.int32), np.array([], dtype=np.float64))
        self._counts = np.array(component.counts, dtype=np.float64)
        self.columns: dict[Column, int] = {}

    def add(self, columns: Iterable[Column]) -> int:
        """Add the polymers not yet known; how many that were."""
        before = len(self.columns)
        for column in columns:
            if column not in self.columns:
                self.columns[column] = len(self.columns)
                indices = np.array([number for number, _ in column], dtype=np.int32)
                values = np.array([amount for _, amount in column], dtype=np.float64)
                self._solver.addCol(-1.0, 0.0, highspy.kHighsInf, len(column), indices, values)
        return len(self.columns) - before

    def solve(self) -> tuple[float, list[float]]:
        """Most polymers, fractions of them allowed, and best prices of the classes, a corner of all such."""
        self._solver.setOptionValue("solver", "simplex")
        value, duals = self._run()
        self._values = self._solver.getSolution().col_value
        return value, duals

    def central(self) -> tuple[float, list[float]]:
        """The same, but prices from the middle of the best ones: as few polymers as possible cost exactly one."""
        self._solver.setOptionValue("solver", "ipm")
        self._solver.setOptionValue("run_crossover", "off")
        return self._run()

    def _run(self) -> tuple[float, list[float]]:
        self._solver.run()
        duals = [-price for price in self._solver.getSolution().row_dual]
        return float(np.dot(duals, self._counts)), duals

    def integral(self) -> tuple[Column, ...]:
        """Polymers of the last solution, if it is one of whole polymers."""
        if all(abs(value - round(value)) < EPSILON for value in self._values):
            return self._chosen(self._values)
        return ()

    def best_integer(self, seconds: float) -> tuple[Column, ...]:
        """Most whole polymers among those known, as far as the time allows."""
        solver = quiet()
        solver.passModel(self._solver.getLp())
        for number in range(len(self.columns)):
            solver.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        solver.setOptionValue("time_limit", seconds)
        solver.run()
        if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return ()
        return self._chosen(solver.getSolution().col_value)

    def _chosen(self, values: Sequence[float]) -> tuple[Column, ...]:
        return tuple(
            column for column, value in zip(self.columns, values, strict=True) for _ in range(round(value))
        )


class Pricing:
    """The exact search for polymers that cost less than one."""

    def __init__(self, component: Component) -> None:
        self._component = component

    def below_one(self, prices: Prices) -> list[Column]:
        """Some of them, or none when there is none: by growing polymers, or where that is long, by a MIP."""
        growth = Growth(self._component, prices, 1 - EPSILON, GROWTH_STEPS)
        found: list[Column] = []
        try:
            for seed in self._component.needy:
                found += islice(growth.around(seed), PER_SEED)
        except GaveUpError:
            return found or self._by_mip(prices.duals)
        return found

    def _by_mip(self, duals: Sequence[float]) -> list[Column]:
        solver = self._solver
        size = len(duals)
        solver.clearSolver()
        solver.changeColsCost(size, np.arange(size, dtype=np.int32), np.array(duals))
        solver.run()
        if solver.getInfo().mip_dual_bound >= 1 - EPSILON:
            return []
        found = [solver.getSolution().col_value]
        found += [saved.col_value for saved in solver.getSavedMipSolutions()]
        return [
            tuple((number, round(value)) for number, value in enumerate(values) if round(value))
            for values in found
        ]

    @cached_property
    def _solver(self) -> highspy.Highs:
        solver = quiet()
        for slow in SLOW:
            solver.setOptionValue(slow, False)
        solver.setOptionValue("mip_improving_solution_save", True)
        for total in self._component.counts:
            solver.addVar(0.0, total)
        for number in range(len(self._component.counts)):
            solver.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        rows: list[list[tuple[int, int]]] = [[] for _ in self._component.domains]
        for number, net in enumerate(self._component.nets):
            for domain, value in net.items():
                rows[domain].append((number, value))
        for domain, row in enumerate(rows):
            _add_row(solver, 0.0 if domain in self._component.balanced else -highspy.kHighsInf, 0.0, row)
        _add_row(solver, 1.0, highspy.kHighsInf, [(number, 1) for number in self._component.needy])
        return solver


def _add_row(solver: highspy.Highs, low: float, high: float, row: list[tuple[int, int]]) -> None:
    indices = np.array([number for number, _ in row], dtype=np.int32)
    values = np.array([value for _, value in row], dtype=np.float64)
    solver.addRow(low, high, len(row), indices, values)


def optimum(component: Component) -> Iterator[Bound]:
    """Ever closer bounds; those of the last are equal but for rare components."""
    greedy = Greedy(component)
    master = Master(component)
    master.add([component.everything])
    master.add(((number, 1),) for number, alone in enumerate(component.alone) if alone)
    first = greedy.polymers([0.0] * len(component.counts), FIRST_NOISES)
    seeds = len(component.needy)
    master.add(islice(first, max(3 * seeds, min(seeds**2 // 2, MOST_FIRST))))
    pricing = Pricing(component)
    best: tuple[Column, ...] = (component.everything,)
    searches, corners = 0, float(VERTICES)
    for rounds in count(1):
        if searches > corners:
            value, duals = master.central()
        else:
            value, duals = master.solve()
            best = max(best, master.integral(), key=len)
        yield Bound(sum(component.counts), tuple(duals), best, master.columns)
        priced = prices(component, duals)
        if master.add(_cheap(greedy, priced)) and rounds % EXACT_EVERY:
            continue
        searches += 1
        columns = pricing.below_one(priced)
        if not columns:
            break
        if not master.add(columns):  # prices of the middle are only nearly exact
            corners = math.inf
    if searches > corners:
        master.solve()
        best = max(best, master.integral(), key=len)
    most = math.floor(value * (1 + EPSILON))
    for per_seed, steps in ((0, 0), *REPAIRS):
        if len(best) < most:
            master.add(_near(component, priced, 1 + value - most, per_seed, steps))
            best = max(best, master.best_integer(REPAIR_SECONDS), key=len)
    yield Bound(most, tuple(duals), best, master.columns)


def centred(component: Component, bound: Bound) -> Bound:
    """The same bound with prices from the middle of the best ones, at which few polymers cost exactly one."""
    master = Master(component)
    master.add(bound.known)
    pricing = Pricing(component)
    while True:
        _, duals = master.central()
        columns = pricing.below_one(prices(component, duals))
        if not columns:
            return replace(bound, duals=tuple(duals))
        if not master.add(columns):  # prices of the middle are only nearly exact
            return bound


def _cheap(greedy: Greedy, priced: Prices) -> Iterator[Column]:
    """Polymers found quickly that cost less than one."""
    for column in greedy.polymers(priced.costs, NOISES):
        if priced.of(column) < 1 - EPSILON:
            yield column


def _near(component: Component, priced: Prices, limit: float, per_seed: int, steps: int) -> Iterator[Column]:
    """Some of the polymers that a configuration meeting the bound may have."""
    for seed in component.needy:
        growth = Growth(component, priced, limit + EPSILON, steps)
        with suppress(GaveUpError):
            yield from islice(growth.around(seed), per_seed)
