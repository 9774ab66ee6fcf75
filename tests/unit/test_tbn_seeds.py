"""The polymers drawn at the start change neither what the solver finds nor the order of its work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from hub_runtime.tbn import generation, greedy, stable
from hub_runtime.tbn.cover import Covers
from hub_runtime.tbn.model import Configuration, Network
from hub_runtime.tbn.parse import parse
from hub_runtime.tbn.reduction import Column, Component
from hub_runtime.tbn.search import Search
from hub_runtime.tbn.stable import Stable

CASES = Path(__file__).parents[2] / "runtime" / "tests" / "data" / "tbn_cases.json"


def listed(network: Network) -> list[Configuration]:
    configurations = Stable(network)
    list(configurations.entropy())
    return list(configurations)


def by_clauses(network: Network, polymers: int) -> set[Configuration]:
    search = Search(network)
    try:
        return set(search.level(polymers))
    finally:
        search.close()


def drawn(random: Random) -> Network:
    domains = random.randint(3, 8)
    tokens = [f"d{number}{star}" for number in range(domains) for star in ("", "", "*")]
    rows = [random.choices(tokens, k=random.randint(1, 3)) for _ in range(random.randint(6, 14))]
    return parse(rows + random.choices(rows, k=random.randint(0, 3)))


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many polymers each listing chose from."""
    sizes: list[int] = []

    class Counted(Covers):
        def __init__(
            self, component: Component, columns: Sequence[Column], duals: Sequence[float], polymers: int
        ) -> None:
            sizes.append(len(columns))
            super().__init__(component, columns, duals, polymers)

    monkeypatch.setattr(stable, "Covers", Counted)
    return sizes


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exact searches by a MIP."""
    calls: list[int] = []
    by_mip = generation.Pricing._by_mip

    def counted(self: generation.Pricing, duals: Sequence[float]) -> list[Column]:
        calls.append(1)
        return by_mip(self, duals)

    monkeypatch.setattr(generation.Pricing, "_by_mip", counted)
    return calls


@pytest.mark.parametrize("seed", [3, 0, 2, 9])
def test_a_degenerate_network_is_listed_from_few_polymers_in_few_searches(
    seed: int, monkeypatch: pytest.MonkeyPatch, candidates: list[int], searches: list[int]
) -> None:
    """The sorting network has 56 polymers of stable configurations; at a corner's prices thousands are candidates."""
    monkeypatch.setattr(greedy, "SEED", seed)
    cases = {case["name"]: case for case in json.loads(CASES.read_text())["cases"]}
    network = parse(cases["wraparound_sorting_network"]["request"]["monomers"])
    found = listed(network)
    assert len(set(found)) == len(found) == 81
    assert sum(candidates) <= 300
    assert len(searches) <= 25


@pytest.mark.soak(short=60, full=5_000)
@pytest.mark.parametrize("middle", [True, False])
def test_stable_configurations_are_complete_at_prices_of_corners_and_of_the_middle(
    middle: bool, times: int, chance: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    if middle:
        monkeypatch.setattr(generation, "VERTICES", 0)
        monkeypatch.setattr(stable, "STEPS", 0)
        monkeypatch.setattr(generation, "GROWTH_STEPS", 5)
    for _ in range(times):
        network = drawn(chance)
        found = listed(network)
        assert len(set(found)) == len(found)
        if len(found) < 500:
            assert set(found) == by_clauses(network, len(found[0])), network.monomers
            assert not by_clauses(network, len(found[0]) + 1)
