"""Small networks, against every saturated matching of their sites."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_runtime.tbn import errors
from hub_runtime.tbn.model import Configuration, Network, configuration, spelled
from hub_runtime.tbn.parse import parse
from hub_runtime.tbn.solve import Entropy, solve

Bonds = frozenset[tuple[tuple[int, int], tuple[int, int]]]


def matchings(network: Network) -> Iterator[Bonds]:
    """Every saturated matching: of each domain all sites of the rarer side are bound."""
    sides: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = defaultdict(lambda: ([], []))
    for index, monomer in enumerate(network.monomers):
        for position, site in enumerate(monomer.sites):
            sides[site.domain][site.starred].append((index, position))
    domains = [sorted(pair, key=len) for pair in sides.values()]

    def extend(number: int) -> Iterator[list[Any]]:
        if number == len(domains):
            yield []
            return
        fewer, more = domains[number]
        for partners in permutations(more, len(fewer)):
            for rest in extend(number + 1):
                yield [*zip(fewer, partners, strict=True), *rest]

    yield from map(frozenset, extend(0))


def joined(size: int, bonds: Bonds) -> tuple[tuple[int, ...], ...]:
    group = list(range(size))
    for (first, _), (second, _) in bonds:
        old, new = group[first], group[second]
        group = [new if label == old else label for label in group]
    return tuple(tuple(i for i in range(size) if group[i] == label) for label in sorted(set(group)))


def coarser(parts: tuple[tuple[int, ...], ...], possible: dict[int, int]) -> Iterator[tuple[Any, ...]]:
    """Every way to merge polymers whose monomers bonds could ever join."""
    if not parts:
        yield ()
        return
    first, rest = parts[0], parts[1:]
    for number in range(len(rest) + 1):
        for merged in combinations(rest, number):
            if all(possible[part[0]] == possible[first[0]] for part in merged):
                left = tuple(part for part in rest if part not in merged)
                for others in coarser(left, possible):
                    yield (tuple(sorted(sum(merged, first))), *others)


def holds(network: Network, kind: str, names: tuple[str, ...], polymers: Any, bonds: Bonds) -> bool:
    index = {monomer.name: i for i, monomer in enumerate(network.monomers)}
    polymer = {i: part for part in polymers for i in part}
    site = {
        each.name: (i, position)
        for i, monomer in enumerate(network.monomers)
        for position, each in enumerate(monomer.sites)
    }
    bound = {end for bond in bonds for end in bond}
    checks = {
        "TOGETHER": lambda: len({polymer[index[name]] for name in names}) <= 1,
        "NOTTOGETHER": lambda: polymer[index[names[0]]] != polymer[index[names[1]]],
        "FREE": lambda: len(polymer[index[names[0]]]) == 1,
        "NOTFREE": lambda: len(polymer[index[names[0]]]) > 1,
        "PAIRED": lambda: any({site[names[0]], site[names[1]]} == set(bond) for bond in bonds),
        "NOTPAIRED": lambda: not any({site[names[0]], site[names[1]]} == set(bond) for bond in bonds),
        "ANYPAIRED": lambda: site[names[0]] in bound,
        "NOTANYPAIRED": lambda: site[names[0]] not in bound,
    }
    return checks[kind]()


def every_configuration(network: Network, real_bonds: bool) -> set[Configuration]:
    possible = {i: number for number, group in enumerate(network.possible_groups) for i in group}
    found = set()
    for bonds in matchings(network):
        parts = joined(len(network.monomers), bonds)
        for polymers in [parts] if real_bonds else coarser(parts, possible):
            if all(holds(network, c.type, c.arguments, polymers, bonds) for c in network.constraints):
                found.add(configuration(network, polymers))
    return found


def entropy_of(network: Network) -> int:
    return max(len(found) for found in every_configuration(Network(network.monomers), real_bonds=True))


def solved(network: Network, **options: Any) -> tuple[int, list[Configuration]]:
    events = list(solve(network, **options))
    entropy = next(event.polymers for event in events if isinstance(event, Entropy))
    return entropy, [event for event in events if isinstance(event, tuple)]


sites = st.sampled_from(["a", "a*", "b", "b*", "c", "c*"])
rows = st.lists(st.lists(sites, min_size=1, max_size=3), min_size=1, max_size=6)


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of which some monomers and sites have names, and constraints on them."""
    monomers = [list(row) for row in draw(rows)]
    named_sites, named_monomers = [], []
    for number, row in enumerate(monomers):
        if draw(st.booleans()):
            row[0] += f":s{number}"
            named_sites.append(f"s{number}")
        if draw(st.booleans()):
            row.append(f">m{number}")
            named_monomers.append(f"m{number}")
    kinds = []
    if named_monomers:
        monomer = st.sampled_from(named_monomers)
        kinds += [
            st.tuples(st.sampled_from(["FREE", "NOTFREE"]), monomer),
            st.tuples(st.sampled_from(["TOGETHER", "NOTTOGETHER"]), monomer, monomer),
        ]
    if named_sites:
        site = st.sampled_from(named_sites)
        kinds += [
            st.tuples(st.sampled_from(["ANYPAIRED", "NOTANYPAIRED"]), site),
            st.tuples(st.sampled_from(["PAIRED", "NOTPAIRED"]), site, site),
        ]
    constraints = draw(st.lists(st.one_of(kinds), max_size=2)) if kinds else []
    return monomers, [list(constraint) for constraint in constraints]


@settings(max_examples=150, deadline=None)
@given(rows=rows)
def test_every_saturated_configuration_is_found_once_best_first(rows: Any) -> None:
    network = parse(rows)
    expected = every_configuration(network, real_bonds=True)
    entropy, found = solved(network, gen=10_000)
    assert entropy == max(len(each) for each in expected)
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [len(each) for each in found] == sorted((len(each) for each in expected), reverse=True)


@settings(max_examples=300, deadline=None)
@given(network=networks(), real_bonds=st.booleans())
def test_constraints_keep_exactly_what_meets_them(network: Any, real_bonds: bool) -> None:
    parsed = parse(*network)
    expected = every_configuration(parsed, real_bonds)
    try:
        entropy, found = solved(parsed, gen=10_000, real_bonds=real_bonds)
    except errors.TBNError:
        assert expected == set()
        return
    assert entropy == entropy_of(parsed)
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [len(each) for each in found] == sorted((len(each) for each in expected), reverse=True)


@settings(max_examples=100, deadline=None)
@given(network=networks(), random=st.randoms(use_true_random=False), gen=st.integers(1, 5))
def test_the_order_of_rows_and_sites_never_changes_an_answer(network: Any, random: Any, gen: int) -> None:
    monomers, constraints = network
    shuffled = [
        random.sample(row[:-1], len(row) - 1) + row[-1:] if ">" in row[-1] else row for row in monomers
    ]
    shuffled = random.sample(shuffled, len(shuffled))

    def answer(rows: Any) -> Any:
        parsed = parse(rows, constraints)
        try:
            entropy, found = solved(parsed, gen=gen)
        except errors.TBNError as error:
            return str(error)
        kinds = [
            [[tuple(sorted(monomer)) for monomer in polymer] for polymer in config]
            for config in (spelled(parsed, each) for each in found)
        ]
        return entropy, kinds

    assert answer(monomers) == answer(shuffled)


@settings(max_examples=60, deadline=None)
@given(rows=rows, copies=st.integers(2, 3))
def test_copies_keep_the_entropy_per_copy_or_better(rows: Any, copies: int) -> None:
    one, _ = solved(parse(rows))
    many, _ = solved(parse(rows * copies))
    assert many >= copies * one


def drawn(random: Random) -> tuple[list[list[str]], list[list[str]]]:
    """A network of up to eight monomers with up to two constraints, at times of equal and of self-binding rows."""
    tokens = [domain + star for domain in "abcd"[: random.randint(1, 4)] for star in ("", "*")]
    monomers = [random.choices(tokens, k=random.randint(1, 3)) for _ in range(random.randint(1, 6))]
    monomers += random.choices(monomers, k=random.randint(0, 2))
    named = random.sample(range(len(monomers)), random.randint(0, len(monomers)))
    monomers = [[*row, f">m{number}"] if number in named else row for number, row in enumerate(monomers)]
    constraints = []
    for _ in range(random.randint(0, 2) if named else 0):
        kind = random.choice(["FREE", "NOTFREE", "TOGETHER", "NOTTOGETHER"])
        names = random.choices(named, k=1 if "FREE" in kind else 2)
        constraints.append([kind, *(f"m{number}" for number in names)])
    return monomers, constraints


def matchings_of(network: Network) -> int:
    return math.prod(math.perm(max(pair), min(pair)) for pair in sides_of(network).values())


def sides_of(network: Network) -> dict[str, list[int]]:
    sides: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for monomer in network.monomers:
        for site in monomer.sites:
            sides[site.domain][site.starred] += 1
    return sides


@pytest.mark.soak(short=150, full=20_000)
def test_random_networks_have_the_answers_of_an_exhaustive_search(times: int, chance: Random) -> None:
    done = 0
    while done < times:
        monomers, constraints = drawn(chance)
        network = parse(monomers, constraints)
        if matchings_of(network) > 2_000:
            continue
        done += 1
        real_bonds = chance.random() < 0.7
        expected = every_configuration(network, real_bonds)
        try:
            entropy, found = solved(network, gen=10_000, real_bonds=real_bonds)
        except errors.TBNError:
            assert expected == set(), (monomers, constraints)
            continue
        assert entropy == entropy_of(network), (monomers, constraints)
        assert len(found) == len(expected), (monomers, constraints, real_bonds)
        assert set(found) == expected, (monomers, constraints, real_bonds)
