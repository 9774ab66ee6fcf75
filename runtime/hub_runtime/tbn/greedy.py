"""Polymers found quickly: from one monomer, add whatever its open sites need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from .openings import Openings
from .reduction import Column, Component

SEED = 0
"""Not chosen: what comes out does not depend on it, how long it takes does, for networks that need many rounds by a
factor of two to ten; what is said of speed is said of several seeds."""


class Greedy:
    """Grows polymers around one monomer, each step the cheapest that serves an open domain."""

    def __init__(self, component: Component) -> None:
        self._component = component
        self._openings = Openings(component)
        self._random = Random(SEED)  # noqa: S311 - answers must not depend on chance

    def polymers(self, prices: Sequence[float], noises: Sequence[float]) -> Iterator[Column]:
        """Polymers around every needy class, one for each amount of noise.

        Args:
            prices: what one monomer of each class costs, open sites included.
            noises: how far a price may be off, so that repeated calls differ.
        """
        for noise in noises:
            for seed in self._component.needy:
                found = self._grow(seed, prices, noise)
                if found is not None:
                    yield found

    def _grow(self, seed: int, prices: Sequence[float], noise: float) -> Column | None:
        counts = self._component.counts
        random = self._random.random
        taken = [0] * len(counts)
        net = [0] * len(self._component.domains)
        lacking = spare = 0
        allowed = (1 << len(counts)) - 1
        add = seed
        while True:
            taken[add] += 1
            if taken[add] == counts[add]:
                allowed &= ~(1 << add)
            for domain, change, bit in self._openings.nets[add]:
                net[domain] = value = net[domain] + change
                lacking = lacking | bit if value > 0 else lacking & ~bit
                spare = spare | bit if value < 0 else spare & ~bit
            wanted = self._openings.serving(lacking, spare, allowed)
            if wanted is None:
                return tuple((number, count) for number, count in enumerate(taken) if count)
            if not wanted:
                return None
            cheapest = float("inf")
            while wanted:
                number = (wanted & -wanted).bit_length() - 1
                wanted &= wanted - 1
                price = prices[number] + noise * random()
                if price < cheapest:
                    add, cheapest = number, price
