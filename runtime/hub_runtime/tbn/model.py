"""The network as plain data: sites, monomers, constraints, configurations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

Tokens = tuple[str, ...]
Polymer = tuple[int, ...]
"""Indices of monomers."""


class Site(NamedTuple):
    """One binding site: ``domain`` binds with the starred site of the same domain."""

    domain: str
    starred: bool
    name: str | None = None

    @property
    def token(self) -> str:
        """The site as it is written in a request."""
        return self.domain + ("*" if self.starred else "") + (f":{self.name}" if self.name else "")


@dataclass(frozen=True)
class Monomer:
    """A multiset of sites with an optional name."""

    sites: tuple[Site, ...]
    name: str | None = None

    @cached_property
    def tokens(self) -> Tokens:
        """Sites in the order written, then ``>name``."""
        name = () if self.name is None else (f">{self.name}",)
        return tuple(site.token for site in self.sites) + name

    @cached_property
    def kind(self) -> Tokens:
        """Equal for interchangeable monomers: sites in a fixed order, then the name."""
        name = () if self.name is None else (f">{self.name}",)
        return tuple(sorted(site.token for site in self.sites)) + name


@dataclass(frozen=True)
class Constraint:
    """One requirement on a configuration, on names of monomers or of sites."""

    type: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Monomers in a canonical order (equal ones side by side) and the constraints on them."""

    monomers: tuple[Monomer, ...]
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, monomers: Iterable[Monomer], constraints: Iterable[Constraint] = ()) -> Network:
        """Order the monomers so that no answer depends on the order they were written in."""
        return cls(
            tuple(sorted(monomers, key=lambda monomer: (monomer.kind, monomer.tokens))), tuple(constraints)
        )

    @cached_property
    def kinds(self) -> tuple[int, ...]:
        """For each monomer the number of its kind; numbers ascend with the index."""
        numbers: dict[Tokens, int] = {}
        return tuple(numbers.setdefault(monomer.kind, len(numbers)) for monomer in self.monomers)

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """For each kind the indices of its monomers."""
        groups: list[list[int]] = [[] for _ in range(max(self.kinds, default=-1) + 1)]
        for index, kind in enumerate(self.kinds):
            groups[kind].append(index)
        return tuple(tuple(group) for group in groups)

    @cached_property
    def limiting(self) -> dict[str, bool]:
        """For each domain with sites of both sides, whether the starred side has the fewer sites."""
        counts: dict[str, list[int]] = {}
        for monomer in self.monomers:
            for site in monomer.sites:
                counts.setdefault(site.domain, [0, 0])[site.starred] += 1
        return {
            domain: starred < plain
            for domain, (plain, starred) in sorted(counts.items())
            if plain and starred
        }

    @cached_property
    def possible_groups(self) -> tuple[tuple[int, ...], ...]:
        """Components of the monomers under all bonds that could ever form, each in ascending order."""
        first: dict[str, int] = {}
        edges = [
            (first.setdefault(site.domain, index), index)
            for index, monomer in enumerate(self.monomers)
            for site in monomer.sites
            if site.domain in self.limiting
        ]
        return components(len(self.monomers), edges)

    @cached_property
    def bonds(self) -> tuple[int, ...]:
        """How many bonds every saturated configuration has within each of the possible groups."""
        group_of = {index: number for number, group in enumerate(self.possible_groups) for index in group}
        bonds = [0] * len(self.possible_groups)
        for index, monomer in enumerate(self.monomers):
            bonds[group_of[index]] += sum(self.limiting.get(s.domain) == s.starred for s in monomer.sites)
        return tuple(bonds)

    @cached_property
    def fewest_polymers(self) -> int:
        """Bonds hold no fewer polymers together: one of n monomers needs n - 1 of them."""
        return sum(
            max(1, len(group) - bonds) for group, bonds in zip(self.possible_groups, self.bonds, strict=True)
        )


Kinds = tuple[int, ...]
"""A polymer up to interchangeable monomers: sorted kinds of its monomers."""
Configuration = tuple[Kinds, ...]
"""A configuration up to interchangeable monomers: sorted polymers."""


def configuration(network: Network, polymers: Iterable[Polymer]) -> Configuration:
    """Forget which of several interchangeable monomers stands where."""
    return canonical(tuple(sorted(network.kinds[index] for index in polymer)) for polymer in polymers)


def canonical(polymers: Iterable[Kinds]) -> Configuration:
    """Put polymers in their one order: bigger ones first, then by kinds."""
    return tuple(sorted(polymers, key=lambda polymer: (-len(polymer), polymer)))


def spelled(network: Network, config: Configuration) -> list[list[Tokens]]:
    """The configuration in tokens: polymers of monomers as written in the request."""
    unused = [iter(group) for group in network.members]
    return [[network.monomers[next(unused[kind])].tokens for kind in polymer] for polymer in config]


def components(size: int, edges: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Connected components of a graph on ``range(size)``, each in ascending order."""
    parent = list(range(size))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in edges:
        parent[root(first)] = root(second)
    groups: dict[int, list[int]] = {}
    for index in range(size):
        groups.setdefault(root(index), []).append(index)
    return tuple(tuple(group) for group in groups.values())
