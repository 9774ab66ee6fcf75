"""The solver, and what else python-sat can do with the same clauses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pysat.solvers import Solver

from hub_runtime.tbn.encoding import Encoding
from hub_runtime.tbn.model import Configuration, Network, Polymer, components, configuration
from hub_runtime.tbn.solve import Entropy, solve

Answer = tuple[int, list[Configuration]]
"""The entropy and the configurations listed."""
Contender = Callable[[Network, int, bool], Answer]
"""Takes a network, how many configurations are wanted, and whether only stable ones."""


def product(network: Network, gen: int, stable: bool) -> Answer:
    """The solver."""
    entropy = 0
    found: list[Configuration] = []
    for event in solve(network, gen=gen):
        if isinstance(event, Entropy):
            entropy = event.polymers
        elif isinstance(event, tuple):
            found.append(event)
        elif stable and event.polymers < entropy:
            break
    return entropy, found


class Incremental:
    """One SAT solver, kept: first for the entropy, then for every configuration, each ruled out by a clause.

    The entropy is found by asking for more polymers than the last answer had. In a level, a configuration is ruled
    out by what it joins: every other of as many polymers splits something. Groups that bonds do not hold together
    are cut off as they come up.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, network: Network, gen: int, stable: bool) -> Answer:
        """Solve."""
        encoding = Encoding(network, real_bonds=True)
        with Solver(name=self._name, bootstrap_with=encoding.all()) as solver:
            entropy, example = self._entropy(network, encoding, solver)
            if gen == 1:
                return entropy, [configuration(network, example)]
            found: list[Configuration] = []
            for polymers in range(entropy, entropy - 1 if stable else 0, -1):
                for config in self._level(network, encoding, solver, polymers):
                    found.append(config)
                    if len(found) == gen:
                        return entropy, found
            return entropy, found

    def _entropy(
        self, network: Network, encoding: Encoding, solver: Solver
    ) -> tuple[int, tuple[Polymer, ...]]:
        groups: tuple[Polymer, ...] = ()
        while solver.solve(assumptions=encoding.at_least(len(groups) + 1)):
            groups = _joined(network, encoding.binds, solver.get_model())
        return len(groups), groups

    def _level(
        self, network: Network, encoding: Encoding, solver: Solver, polymers: int
    ) -> Iterator[Configuration]:
        active = encoding.new()
        assumptions = [active, *encoding.at_least(polymers), *encoding.at_most(polymers)]
        seen: set[Configuration] = set()
        while solver.solve(assumptions=assumptions):
            model = solver.get_model()
            groups = _joined(network, encoding.binds, model)
            bonds = {(s[0], t[0]): var for (s, t), var in encoding.pairs.items() if model[var - 1] > 0}
            cuts = list(_cuts(encoding, groups, components(len(network.monomers), bonds)))
            if cuts:
                solver.append_formula(cuts)
                continue
            joins = (encoding.bind(group[0], other) for group in groups for other in group[1:])
            solver.add_clause([-active, *(-var for var in joins if var is not None)])
            config = configuration(network, groups)
            if config not in seen:
                seen.add(config)
                yield config


def _joined(network: Network, binds: dict[tuple[int, int], int], model: list[int]) -> tuple[Polymer, ...]:
    return components(len(network.monomers), (pair for pair, var in binds.items() if model[var - 1] > 0))


def _cuts(encoding: Encoding, groups: Iterable[Polymer], parts: Iterable[Polymer]) -> Iterator[list[int]]:
    part_of = {index: part for part in parts for index in part}
    for group in groups:
        for part in {part_of[index] for index in group}:
            for other in group:
                bind = encoding.bind(part[0], other)
                if other not in part and bind is not None:
                    yield [-bind, *encoding.leaving(part)]


def restarting(network: Network, _gen: int, _stable: bool) -> Answer:
    """The entropy as StableConfigs finds it: a fresh Glucose for every number of polymers, from one upwards."""
    encoding = Encoding(network, real_bonds=True)
    clauses = list(encoding.all())
    groups: tuple[Polymer, ...] = ()
    polymers = 0
    while True:
        with Solver(name="glucose4", bootstrap_with=clauses) as solver:
            if not solver.solve(assumptions=encoding.at_least(polymers + 1)):
                return polymers, [configuration(network, groups)]
            polymers += 1
            groups = _joined(network, encoding.binds, solver.get_model())


SOLVER = "solver"
OPPONENTS: dict[str, Contender] = {
    name: Incremental(name) for name in ("glucose4", "minisat22", "cadical153")
}
"""The best of them counts."""
ORIGINAL = "original's loop"
