"""Saturated configurations as clauses.

Variables: *pair(s, t)*: limiting site s bonds with site t; *bind(i, j)*: monomers i and j share a polymer;
*rep(j)*: no monomer before j shares its polymer, so as many are true as there are polymers. What no clause
here says is that a polymer is held together by bonds: the search adds that where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from pysat.card import CardEnc, EncType, ITotalizer

from . import limits
from .constraints import monomer_named, site_named
from .model import Constraint, Network

Clause = list[int]
SiteRef = tuple[int, int]
"""Index of a monomer and position of a site in it."""
PAIRWISE = 6
"""Up to so many literals an at-most-one is written pair by pair."""


@dataclass
class Encoding:
    """Clauses over numbered variables, with the maps that read a model back.

    Attributes:
        clauses: all but those of transitivity.
    """

    network: Network
    real_bonds: bool
    clauses: list[Clause] = field(default_factory=list)
    pairs: dict[tuple[SiteRef, SiteRef], int] = field(default_factory=dict)
    binds: dict[tuple[int, int], int] = field(default_factory=dict)
    reps: dict[int, int] = field(default_factory=dict)
    fewer_reps: list[int] = field(default_factory=list)
    more_reps: list[int] = field(default_factory=list)
    top: int = 0

    def __post_init__(self) -> None:
        """Number the variables and write the clauses.

        Raises:
            TooLargeError: the network needs more clauses than memory is likely to hold.
        """
        limits.check(self.network)
        self._add_pairs()
        self._add_binds()
        self._add_reps()
        self._add_copy_symmetry()
        for constraint in self.network.constraints:
            self.clauses.extend(self._constraint(constraint))

    def all(self) -> Iterator[Clause]:
        """Every clause; those of transitivity are by far the most and are made as they are read."""
        yield from self.clauses
        for group in self.network.possible_groups:
            for i, j, k in combinations(group, 3):
                ij, jk, ik = self.binds[i, j], self.binds[j, k], self.binds[i, k]
                yield [-ij, -jk, ik]
                yield [-ij, -ik, jk]
                yield [-ik, -jk, ij]

    def new(self) -> int:
        """A variable not used so far."""
        self.top += 1
        return self.top

    def bind(self, first: int, second: int) -> int | None:
        """The variable of two monomers in one polymer; none when no bonds can join them."""
        return self.binds.get((min(first, second), max(first, second)))

    def at_least(self, polymers: int) -> list[int]:
        """Assumptions that there are that many polymers or more."""
        return self._at_most(self.fewer_reps, len(self.network.monomers) - polymers)

    def at_most(self, polymers: int) -> list[int]:
        """Assumptions that there are that many polymers or fewer."""
        return self._at_most(self.more_reps, polymers - (len(self.network.monomers) - len(self.reps)))

    def _at_most(self, outputs: list[int], bound: int) -> list[int]:
        if bound < 0:
            return [-outputs[0], outputs[0]] if outputs else [1, -1]
        return [-outputs[bound]] if bound < len(outputs) else []

    def leaving(self, monomers: Iterable[int]) -> Clause:
        """Pair variables of the bonds with exactly one end in these monomers."""
        inside = set(monomers)
        return [var for (s, t), var in self.pairs.items() if (s[0] in inside) != (t[0] in inside)]

    def _sites(self) -> tuple[dict[str, list[SiteRef]], dict[str, list[SiteRef]]]:
        limiting: dict[str, list[SiteRef]] = {domain: [] for domain in self.network.limiting}
        other: dict[str, list[SiteRef]] = {domain: [] for domain in self.network.limiting}
        for index, monomer in enumerate(self.network.monomers):
            for position, site in enumerate(monomer.sites):
                if site.domain in limiting:
                    side = limiting if site.starred == self.network.limiting[site.domain] else other
                    side[site.domain].append((index, position))
        return limiting, other

    def _add_pairs(self) -> None:
        limiting, other = self._sites()
        for domain, sites in limiting.items():
            for s in sites:
                for t in other[domain]:
                    self.pairs[s, t] = self.new()
            for s in sites:
                row = [self.pairs[s, t] for t in other[domain]]
                self.clauses.append(row)
                self._add_at_most_one(row)
            for t in other[domain]:
                self._add_at_most_one([self.pairs[s, t] for s in sites])

    def _add_at_most_one(self, literals: Clause) -> None:
        if len(literals) <= PAIRWISE:
            self.clauses.extend([-a, -b] for a, b in combinations(literals, 2))
            return
        encoded = CardEnc.atmost(literals, bound=1, top_id=self.top, encoding=EncType.seqcounter)
        self.clauses.extend(encoded.clauses)
        self.top = max(self.top, encoded.nv)

    def _add_binds(self) -> None:
        for group in self.network.possible_groups:
            for i, j in combinations(group, 2):
                self.binds[i, j] = self.new()
        for (s, t), pair in self.pairs.items():
            bind = self.bind(s[0], t[0])
            if bind is not None:
                self.clauses.append([-pair, bind])

    def _add_reps(self) -> None:
        for group in self.network.possible_groups:
            if len(group) == 1:
                continue
            for position, j in enumerate(group):
                rep = self.reps[j] = self.new()
                earlier = [self.binds[i, j] for i in group[:position]]
                self.clauses.extend([-bind, -rep] for bind in earlier)
                self.clauses.append([rep, *earlier])
        self.fewer_reps = self._add_counter([-rep for rep in self.reps.values()])
        self.more_reps = self._add_counter(list(self.reps.values()))

    def _add_counter(self, literals: Clause) -> list[int]:
        """Outputs: number i is true when more than i of the literals are."""
        if not literals:
            return []
        counter = ITotalizer(lits=literals, ubound=len(literals), top_id=self.top)
        self.clauses.extend(counter.cnf.clauses)
        self.top = max(self.top, counter.top_id)
        outputs = list(counter.rhs)
        counter.delete()
        return outputs

    def _add_copy_symmetry(self) -> None:
        """Of two equal neighbours the first one's polymer begins no later than the second one's."""
        group_of = {index: group for group in self.network.possible_groups for index in group}
        begins: dict[int, list[int]] = {}
        for copies in self.network.members:
            for index in copies if len(copies) > 1 else ():
                begins[index] = self._begins_by(index, group_of[index])
            for first, second in pairwise(copies):
                # No bonds at all: each copy is its own group, and every one is alone.
                if group_of[first] is group_of[second]:
                    self.clauses.extend(
                        [-late, early] for early, late in zip(begins[first], begins[second], strict=False)
                    )

    def _begins_by(self, index: int, group: tuple[int, ...]) -> list[int]:
        """Per earlier member of the group: index's polymer begins with that member or an earlier one."""
        outputs: list[int] = []
        for member in group:
            if member >= index:
                break
            output = self.new()
            bind = self.binds[member, index]
            before = outputs[-1:]
            self.clauses.append([-output, bind, *before])
            self.clauses.extend([-literal, output] for literal in (bind, *before))
            outputs.append(output)
        return outputs

    def _constraint(self, constraint: Constraint) -> list[Clause]:
        if constraint.type.endswith("PAIRED"):
            return self._site_constraint(constraint)
        named = [monomer_named(self.network, name) for name in constraint.arguments]
        if constraint.type == "TOGETHER":
            return [[var] for other in named[1:] if (var := self.bind(named[0], other)) is not None]
        if constraint.type == "NOTTOGETHER":
            var = self.bind(*named)
            return [[]] if named[0] == named[1] else [] if var is None else [[-var]]
        if constraint.type == "FREE":
            return [[-var] for pair, var in self.binds.items() if named[0] in pair]
        if self.real_bonds:
            return [self.leaving(named)]
        return [[var for pair, var in self.binds.items() if named[0] in pair]]

    def _site_constraint(self, constraint: Constraint) -> list[Clause]:
        sites = [site_named(self.network, name) for name in constraint.arguments]
        if len(set(sites)) < len(sites):
            return []  # No site is paired with itself: only NOTPAIRED gets here.
        touching = [var for pair, var in self.pairs.items() if all(site in pair for site in sites)]
        if constraint.type in ("PAIRED", "ANYPAIRED"):
            return [touching]
        return [[-var] for var in touching]
