"""All polymers whose monomers cost little enough, by the prices that a relaxation gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .openings import Openings
from .potential import Prices, prices
from .reduction import Column, Component

EPSILON = 1e-6


class GaveUpError(Exception):
    """The search took more steps than it was given."""


def slack(component: Component, duals: Sequence[float], polymers: int) -> float:
    """By so much the polymers of a configuration of so many may cost more than one each, all together.

    Pricing lets a polymer cost EPSILON less than one; each of the others may then cost that much more.
    """
    total = sum(dual * count for dual, count in zip(duals, component.counts, strict=True))
    return total - polymers + polymers * EPSILON


def polymers(
    component: Component, duals: Sequence[float], number_of: int, steps: int | None = None
) -> Iterator[Column]:
    """Every polymer that can be part of a configuration of so many, once.

    The duals must price no polymer below one. Then nothing dearer than one and the slack can be in it.

    Raises:
        GaveUpError: the steps given are used up.
    """
    limit = 1 + slack(component, duals, number_of)
    for number, alone in enumerate(component.alone):
        if alone and duals[number] <= limit:
            yield ((number, 1),)
    growth = Growth(component, prices(component, duals), limit, steps)
    for seed in component.needy:
        yield from growth.around(seed)


class Growth:
    """Grows polymers with a needy class, up to a limit of cost, monomer by monomer from the first such class.

    An open domain must be served by one of its providers; a closed polymer can only get dearer by taking in
    another needy monomer. Of several choices, each later one does without the earlier ones for good: so every
    multiset is reached on one way only.

    Args:
        component: the classes.
        prices: of the classes.
        limit: no polymer may cost more.
        steps: after so many monomers added the search gives up.
    """

    def __init__(self, component: Component, prices: Prices, limit: float, steps: int | None = None) -> None:
        self._component = component
        self._prices = prices
        self._limit = limit
        self._openings = Openings(component)
        self._needy = sum(1 << number for number in component.needy)
        self._steps_left = steps

    def around(self, seed: int) -> Iterator[Column]:
        """Polymers whose first needy class is the seed.

        Raises:
            GaveUpError: the steps given are used up.
        """
        counts, nets, costs = self._component.counts, self._openings.nets, self._prices.costs
        cost_limit = self._limit + self._prices.excess
        taken = [0] * len(nets)
        net = [0] * len(self._component.domains)
        earlier = self._needy & ((1 << seed) - 1)
        # Of every monomer added: its class, cost and domains before it, what may still be chosen beside and after it.
        path: list[tuple[int, float, int, int, int, int]] = []
        lacking = spare = 0
        cost, choices, allowed = 0.0, 1 << seed, (1 << len(nets)) - 1 & ~earlier
        while True:
            if choices:
                bit = choices & -choices
                number = bit.bit_length() - 1
                choices ^= bit
                if cost + costs[number] > cost_limit:
                    allowed &= ~bit
                    continue
                self._count_step()
                path.append((number, cost, lacking, spare, choices, allowed & ~bit))
                cost += costs[number]
                taken[number] += 1
                for domain, change, mark in nets[number]:
                    net[domain] = value = net[domain] + change
                    lacking = lacking | mark if value > 0 else lacking & ~mark
                    spare = spare | mark if value < 0 else spare & ~mark
                if taken[number] == counts[number]:
                    allowed &= ~bit
                serving = self._openings.serving(lacking, spare, allowed)
                if serving is None:
                    column = tuple((kind, count) for kind, count in enumerate(taken) if count)
                    if self._prices.of(column) <= self._limit:
                        yield column
                    serving = self._needy & allowed
                choices = serving
            elif path:
                number, cost, lacking, spare, choices, allowed = path.pop()
                taken[number] -= 1
                for domain, change, _ in nets[number]:
                    net[domain] -= change
            else:
                return

    def _count_step(self) -> None:
        if self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise GaveUpError
