"""A network reduced to what decides how many polymers it can have.

Bonds inside a monomer cost nothing, so only its *net* of every domain counts: limiting minus other sites. A
multiset of monomers can be a polymer of its own when no net of it is positive. Monomers of equal nets form a
class; classes that share no domain are independent components.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .model import Network, components

Net = Mapping[int, int]
"""Limiting minus other sites, for every domain where that is not zero."""
Column = tuple[tuple[int, int], ...]
"""A polymer as (class, how many) in ascending order of classes."""


@dataclass(frozen=True)
class Component:
    """Classes of monomers that need one another.

    Attributes:
        nets: of each class.
        counts: monomers in each class.
        kinds: of each class, its kinds of monomers and how many there are of each.
        balanced: domains with as many limiting as other sites: their net is zero in every polymer.
    """

    nets: tuple[Net, ...]
    counts: tuple[int, ...]
    kinds: tuple[tuple[tuple[int, int], ...], ...]
    balanced: frozenset[int]

    @cached_property
    def domains(self) -> range:
        """Domains are numbered from 0."""
        return range(1 + max((domain for net in self.nets for domain in net), default=-1))

    @cached_property
    def providers(self) -> tuple[tuple[int, ...], ...]:
        """For each domain the classes with a negative net."""
        return tuple(
            tuple(number for number, net in enumerate(self.nets) if net.get(domain, 0) < 0)
            for domain in self.domains
        )

    @cached_property
    def consumers(self) -> tuple[tuple[int, ...], ...]:
        """For each domain the classes with a positive net."""
        return tuple(
            tuple(number for number, net in enumerate(self.nets) if net.get(domain, 0) > 0)
            for domain in self.domains
        )

    @cached_property
    def alone(self) -> tuple[bool, ...]:
        """For each class whether one monomer of it can be a polymer."""
        return tuple(
            all(value < 0 and domain not in self.balanced for domain, value in net.items())
            for net in self.nets
        )

    @cached_property
    def needy(self) -> tuple[int, ...]:
        """Classes whose monomers cannot be polymers by themselves."""
        return tuple(number for number, alone in enumerate(self.alone) if not alone)

    @cached_property
    def everything(self) -> Column:
        """All monomers in one polymer."""
        return tuple(enumerate(self.counts))


@dataclass(frozen=True)
class Reduction:
    """Components, and the kinds of monomers that are alone in every stable configuration."""

    components: tuple[Component, ...]
    alone: tuple[int, ...]


def reduce(network: Network) -> Reduction:
    """Split a network into components; ``alone`` names a kind once for every monomer of it."""
    nets = _nets(network)
    size = len(nets)
    first: dict[int, int] = {}
    edges = [(first.setdefault(domain, index), index) for index, net in enumerate(nets) for domain in net]
    groups = [group for group in components(size, edges) if nets[group[0]]]
    alone = tuple(network.kinds[index] for index in range(size) if not nets[index])
    totals = Counter[int]()
    for net in nets:
        totals.update(net)
    return Reduction(tuple(_component(network, nets, group, totals) for group in groups), alone)


def _nets(network: Network) -> list[dict[int, int]]:
    numbers = {domain: number for number, domain in enumerate(network.limiting)}
    nets = []
    for monomer in network.monomers:
        net: Counter[int] = Counter()
        for site in monomer.sites:
            if site.domain in numbers:
                net[numbers[site.domain]] += 1 if site.starred == network.limiting[site.domain] else -1
        nets.append(net)
    needed = {domain for net in nets for domain, value in net.items() if value > 0}
    return [
        {domain: value for domain, value in sorted(net.items()) if value and domain in needed} for net in nets
    ]


def _component(
    network: Network, nets: list[dict[int, int]], group: tuple[int, ...], totals: Counter[int]
) -> Component:
    domains = sorted({domain for index in group for domain in nets[index]})
    numbers = {domain: number for number, domain in enumerate(domains)}
    classes: dict[tuple[tuple[int, int], ...], Counter[int]] = {}
    for index in group:
        net = tuple((numbers[domain], value) for domain, value in nets[index].items())
        classes.setdefault(net, Counter())[network.kinds[index]] += 1
    return Component(
        nets=tuple(dict(net) for net in classes),
        counts=tuple(kinds.total() for kinds in classes.values()),
        kinds=tuple(tuple(sorted(kinds.items())) for kinds in classes.values()),
        balanced=frozenset(numbers[domain] for domain in domains if totals[domain] == 0),
    )
