"""The entropy of a network and all its stable configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from . import tight
from .cover import Covers
from .expansion import Expansion
from .generation import Bound, centred, optimum
from .model import Configuration, Kinds, Network, canonical
from .reduction import Column, Component, reduce

STEPS = 20_000
"""Monomers added in the search for tight polymers before better prices are worth their while."""


class Stable:
    """Works out the entropy first, then lists configurations as they are asked for."""

    def __init__(self, network: Network) -> None:
        self._reduction = reduce(network)
        self._solved: list[_Solved] = []

    def entropy(self) -> Iterator[int]:
        """Polymers of ever better configurations; the last is the entropy."""
        polymers = len(self._reduction.alone) + len(self._reduction.components)
        yield polymers
        for component in self._reduction.components:
            bound = None
            for bound in optimum(component):
                yield polymers - 1 + bound.polymers
            if bound is not None:
                solved = _Solved(component, _settled(component, bound))
                self._solved.append(solved)
                polymers += solved.bound.polymers - 1
        yield polymers

    def __iter__(self) -> Iterator[Configuration]:
        """Every stable configuration once; the first without listing what all of them are made of."""
        examples = ([next(solved.filled(solved.bound.example))] for solved in self._solved)
        first = next(self._combined([iter(example) for example in examples]))
        yield first
        for config in self._combined([solved.all() for solved in self._solved]):
            if config != first:
                yield config

    def _combined(self, choices: list[Iterator[tuple[Kinds, ...]]]) -> Iterator[Configuration]:
        alone = tuple((kind,) for kind in self._reduction.alone)
        for polymers in _product(choices):
            yield canonical(alone + polymers)


@dataclass(frozen=True)
class _Solved:
    """A component and its proved bound."""

    component: Component
    bound: Bound

    def filled(self, columns: Iterable[Column]) -> Iterator[tuple[Kinds, ...]]:
        return Expansion(self.component).of(list(columns))

    def all(self) -> Iterator[tuple[Kinds, ...]]:
        expansion = Expansion(self.component)
        covers = _covers(self.component, self.bound, self.bound.polymers)
        for chosen in covers:
            yield from expansion.of([covers.columns[number] for number in chosen])


def _product(choices: list[Iterator[tuple[Kinds, ...]]]) -> Iterator[tuple[Kinds, ...]]:
    """One of each, joined, in every combination; all but the first are kept for the next round."""
    rounds = [choices[0] if choices else iter([()])]
    kept: list[list[tuple[Kinds, ...]]] = [[] for _ in choices[1:]]
    parts: list[tuple[Kinds, ...]] = []
    while rounds:
        part = next(rounds[-1], None)
        if part is None:
            rounds.pop()
            del parts[-1:]
            continue
        parts.append(part)
        position = len(rounds)
        if position < len(choices):
            rounds.append(_kept(choices[position], kept[position - 1]))
        else:
            yield tuple(polymer for part in parts for polymer in part)
            parts.pop()


def _kept(source: Iterator[tuple[Kinds, ...]], kept: list[tuple[Kinds, ...]]) -> Iterator[tuple[Kinds, ...]]:
    yield from list(kept)
    for part in source:
        kept.append(part)
        yield part


def _covers(component: Component, bound: Bound, polymers: int) -> Covers:
    """Every division into that many polymers; prices from a corner are replaced if too much is tight at them."""
    try:
        columns = list(tight.polymers(component, bound.duals, polymers, STEPS))
    except tight.GaveUpError:
        bound = centred(component, bound)
        columns = list(tight.polymers(component, bound.duals, polymers))
    return Covers(component, columns, bound.duals, polymers)


def _settled(component: Component, bound: Bound) -> Bound:
    """Decide by a search of all covers what column generation leaves open."""
    for polymers in range(bound.most, bound.polymers, -1):
        covers = _covers(component, bound, polymers)
        for chosen in covers:
            example = tuple(covers.columns[number] for number in chosen)
            return replace(bound, most=polymers, example=example)
    return replace(bound, most=bound.polymers)
