"""What an open site will cost at least, so that searches can stop early."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from .reduction import Component

LARGEST = 1e3
SMALL = 50
STEPS = ((0.02, 50.0), (0.08, 10.0), (0.2, 3.0), (0.7, 1.0))
"""Width and worth of each step of a class's cost: that many classes cost something matters more than that a few
cost much."""


def quiet(classes: int = SMALL) -> highspy.Highs:
    """A solver that says nothing and uses one thread.

    Args:
        classes: rows of a linear programme; for few of them presolving takes longer than it saves.
    """
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    if classes < SMALL:
        solver.setOptionValue("presolve", "off")
    return solver


@dataclass(frozen=True)
class Prices:
    """What monomers cost.

    Attributes:
        duals: of each class, as the relaxation prices it; may be negative.
        costs: of each class with its open sites, never negative.
        excess: by so much the costs of a whole polymer may exceed the sum of its duals.
    """

    duals: tuple[float, ...]
    costs: tuple[float, ...]
    excess: float

    def of(self, amounts: Iterable[tuple[int, int]]) -> float:
        """The sum of the duals of a polymer."""
        return sum(self.duals[number] * amount for number, amount in amounts)


def prices(component: Component, duals: Sequence[float]) -> Prices:
    """Costs of classes that are never negative.

    For weights w of the domains, a polymer costs at least the sum over its monomers of dual + w · net, since no
    net of it is positive. Among weights that make no class negative those are taken that give as many classes
    as possible a cost of their own: then a search that adds monomer by monomer knows early what a polymer costs.
    """
    weights = _weights(component, duals)
    costs, excess = [], 0.0
    for number, net in enumerate(component.nets):
        cost = duals[number] + sum(weights[domain] * value for domain, value in net.items())
        excess += max(-cost, 0.0) * component.counts[number]
        costs.append(max(cost, 0.0))
    return Prices(tuple(duals), tuple(costs), excess)


def _weights(component: Component, duals: Sequence[float]) -> list[float]:
    """Weights w of the domains, by a linear programme: dual + w · net >= steps - shortfall, per class."""
    domains, classes = len(component.domains), len(component.nets)
    lower = [-LARGEST if domain in component.balanced else 0.0 for domain in component.domains]
    upper = [highspy.kHighsInf, *(step for step, _ in STEPS)]
    costs = [0.0] * domains
    starts: list[int] = []
    indices: list[int] = []
    values: list[float] = []
    for number, net in enumerate(component.nets):
        costs += [LARGEST * component.counts[number], *(-worth for _, worth in STEPS)]
        starts.append(len(indices))
        first = domains + number * len(upper)
        indices += [*net, *range(first, first + len(upper))]
        values += [*net.values(), 1.0, *([-1.0] * len(STEPS))]
    solver = quiet(classes)
    solver.addVars(
        len(costs),
        np.array(lower + [0.0] * len(upper) * classes),
        np.array([LARGEST] * domains + upper * classes),
    )
    solver.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), np.array(costs))
    solver.addRows(
        classes,
        -np.array(duals),
        np.full(classes, highspy.kHighsInf),
        len(indices),
        np.array(starts, dtype=np.int32),
        np.array(indices, dtype=np.int32),
        np.array(values, dtype=np.float64),
    )
    solver.run()
    return list(solver.getSolution().col_value[:domains])
