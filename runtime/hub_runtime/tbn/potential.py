"""What an open site will cost at least, so that searches can stop early."""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np

from .reduction import Component

LARGEST = 1e3
STEPS = ((0.02, 50.0), (0.08, 10.0), (0.2, 3.0), (0.7, 1.0))
"""Width and worth of each step of a class's cost: that many classes cost something matters more than that a few
cost much."""


def quiet() -> highspy.Highs:
    """A solver that says nothing and uses one thread."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    return solver


def reduced_costs(component: Component, duals: Sequence[float]) -> tuple[list[float], float]:
    """Costs of classes that are never negative, and what they overstate at most.

    For weights w of the domains, a polymer costs at least the sum over its monomers of dual + w · net, since no
    net of it is positive. Among weights that make no class negative those are taken that give as many classes
    as possible a cost of their own: then a search that adds monomer by monomer knows early what a polymer costs.

    Returns:
        Costs of the classes, and by how much the costs of a whole polymer may exceed the sum of its duals.
    """
    weights = _weights(component, duals)
    reduced, excess = [], 0.0
    for number, net in enumerate(component.nets):
        cost = duals[number] + sum(weights[domain] * value for domain, value in net.items())
        excess += max(-cost, 0.0) * component.counts[number]
        reduced.append(max(cost, 0.0))
    return reduced, excess


def _weights(component: Component, duals: Sequence[float]) -> list[float]:
    """Weights w of the domains, by a linear programme: dual + w · net >= steps - shortfall, per class."""
    solver = quiet()
    domains = len(component.domains)
    for domain in component.domains:
        solver.addVar(-LARGEST if domain in component.balanced else 0.0, LARGEST)
    width = 1 + len(STEPS)
    costs = [0.0] * domains
    for number, net in enumerate(component.nets):
        first = domains + number * width
        solver.addVar(0.0, highspy.kHighsInf)
        costs.append(LARGEST * component.counts[number])
        for step, worth in STEPS:
            solver.addVar(0.0, step)
            costs.append(-worth)
        indices = np.array([*net, *range(first, first + width)], dtype=np.int32)
        values = np.array([*net.values(), 1.0, *([-1.0] * len(STEPS))], dtype=np.float64)
        solver.addRow(-duals[number], highspy.kHighsInf, len(indices), indices, values)
    solver.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), np.array(costs))
    solver.run()
    return list(solver.getSolution().col_value[:domains])
