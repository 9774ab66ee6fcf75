"""Configurations one by one from a SAT solver, for constraints and for levels below the stable one."""

from __future__ import annotations

from collections.abc import Iterator

from pysat.solvers import Glucose4

from .encoding import Encoding
from .model import Configuration, Network, Polymer, components, configuration


class Search:
    """Distinct saturated configurations that meet the constraints, level by level.

    Args:
        real_bonds: a polymer is held together by bonds. Otherwise any monomers that bonds could ever join may
            share one, as long as the limiting sites find their partners inside it.

    Raises:
        TooLargeError: the network needs more clauses than memory is likely to hold.
    """

    def __init__(self, network: Network, *, real_bonds: bool = True) -> None:
        self._network = network
        self._real_bonds = real_bonds
        self._encoding = Encoding(network, real_bonds)
        self._possible = all(self._encoding.clauses)
        self._solver = Glucose4(bootstrap_with=self._encoding.all() if self._possible else [])

    def close(self) -> None:
        """Free the solver's memory."""
        self._solver.delete()

    def level(self, polymers: int) -> Iterator[Configuration]:
        """Every configuration with exactly that many polymers, once."""
        if not self._possible:
            return
        active = self._encoding.new()
        assumptions = [active, *self._encoding.at_least(polymers), *self._encoding.at_most(polymers)]
        seen: set[Configuration] = set()
        while self._solver.solve(assumptions=assumptions):
            model = self._solver.get_model()
            groups = self._groups(model)
            if self._real_bonds and self._add_cuts(model, groups):
                continue
            self._solver.add_clause([-active, *self._different(groups)])
            found = configuration(self._network, groups)
            if found not in seen:
                seen.add(found)
                yield found

    def _groups(self, model: list[int]) -> tuple[Polymer, ...]:
        bound = [pair for pair, var in self._encoding.binds.items() if model[var - 1] > 0]
        return components(len(self._network.monomers), bound)

    def _add_cuts(self, model: list[int], groups: tuple[Polymer, ...]) -> bool:
        """Where bonds do not hold a group together, require one to leave each of its parts."""
        bonds = [(s[0], t[0]) for (s, t), var in self._encoding.pairs.items() if model[var - 1] > 0]
        parts = components(len(self._network.monomers), bonds)
        part_of = {index: part for part in parts for index in part}
        cut = False
        for group in groups:
            for part in {part_of[index] for index in group}:
                if len(part) == len(group):
                    continue
                cut = True
                leaving = self._encoding.leaving(part)
                for other in group:
                    bind = self._encoding.bind(part[0], other)
                    if other not in part and bind is not None:
                        self._solver.add_clause([-bind, *leaving])
        return cut

    def _different(self, groups: tuple[Polymer, ...]) -> list[int]:
        """A clause that rules out this partition: among those of as many polymers, every other splits something."""
        splits = (self._encoding.bind(group[0], other) for group in groups for other in group[1:])
        return [-var for var in splits if var is not None]
