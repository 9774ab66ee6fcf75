"""Networks of several families, and how many of their configurations are listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

CASES = Path(__file__).parents[2] / "runtime" / "tests" / "data" / "tbn_cases.json"
Rows = list[list[str]]


def rows(*lines: str) -> Rows:
    """One monomer a line."""
    return [line.split() for line in lines]


def and_chain(gates: int) -> Rows:
    """AND gates, the output of each an input of the next: 8 monomers a gate and one more."""
    chain = rows("x0 x1 >in0")
    for gate in range(gates):
        x = [f"x{4 * gate + number}" for number in range(6)]
        y = [f"{site}*" for site in x]
        gate_rows = [x[:5], y[:4], y[1:5], x[3:6], x[1:3], [*x[2:4], f">in{gate + 1}"]]
        chain += [*gate_rows, [*x[4:6], f">out{gate}"], y[4:6]]
    return chain


def grid(size: int) -> Rows:
    """One gate that either all horizontal or all vertical monomers cover."""
    cells = [[f"x{i}_{j}" for j in range(size)] for i in range(size)]
    columns = [list(column) for column in zip(*cells, strict=True)]
    return [*cells, *columns, [f"{cell}*" for row in cells for cell in row]]


def translator(size: int) -> Rows:
    """A circular cascade."""
    triples = [[f"t{(i + j) % size}" for j in range(3)] for i in range(size)]
    return triples + [[f"t{(i + j) % size}*" for j in range(2)] for i in range(size)]


def binary_tree(depth: int) -> Rows:
    """Everything in one polymer."""
    tree = rows("d1 d1")
    for level in range(1, depth):
        tree += [[f"d{level}*", f"d{level + 1}", f"d{level + 1}"]] * 2**level
    return tree


def distinct(monomers: Rows) -> Rows:
    """The same network with no two rows alike: each gets a site that nothing binds."""
    return [[*row, f"dead{number}"] for number, row in enumerate(monomers)]


def slow(size: int) -> Rows:
    """Few classes, many sites: one big monomer, covered in two ways."""
    domains = [f"x{i}" for i in range(size)]
    gate = [f"{domain}*" for domain in domains for _ in range(size)]
    return [gate, *[domains] * size, *[[domain] * size for domain in domains]]


def random_network(size: int, seed: int = 0) -> Rows:
    """One to three sites a monomer, two in five of them starred."""
    random = Random(seed)
    domains = max(3, size * 3 // 10)

    def site() -> str:
        return f"d{random.randrange(domains)}" + ("*" if random.random() < 0.4 else "")

    return [[site() for _ in range(random.randint(1, 3))] for _ in range(size)]


def case(name: str) -> Rows:
    """A network of the case file."""
    cases = json.loads(CASES.read_text())["cases"]
    return next(list(each["request"]["monomers"]) for each in cases if each["name"] == name)


class Instance(NamedTuple):
    """What is solved.

    Attributes:
        gen: configurations listed; one is the entropy with an example.
        stable: only stable ones, all of them if there are no more than `gen`.
        bound: so many times faster than the best opponent the solver is to be.
    """

    name: str
    make: Callable[[], Rows]
    gen: int = 1
    stable: bool = False
    bound: float | None = None


def instances() -> Iterator[Instance]:
    """Small ones first in every family."""
    unnamed_gate = [[token for token in row if ">" not in token] for row in and_chain(1)]
    yield Instance("and_gate", lambda: case("and_gate"))
    yield Instance("and_gate, all of all levels", lambda: case("and_gate"), 1000)
    yield Instance("two_and", lambda: and_chain(2))
    yield Instance("two_and, 1000 of all levels", lambda: and_chain(2), 1000)
    for gates in (4, 8, 12, 16, 32):
        yield Instance(f"and_chain {gates}", lambda gates=gates: and_chain(gates))
    for gates in (4, 8, 12):
        yield Instance(
            f"and_chain {gates}, all stable", lambda gates=gates: and_chain(gates), 10_000, stable=True
        )
    yield Instance("grid 12x12", lambda: grid(12))
    yield Instance("grid 3x3, 4 copies", lambda: grid(3) * 4)
    yield Instance("grid 3x3, 15 copies", lambda: grid(3) * 15)
    yield Instance("and_gate, 4 copies", lambda: unnamed_gate * 4)
    yield Instance("and_gate, 10 copies", lambda: unnamed_gate * 10)
    yield Instance("and_gate, 4 copies, all stable", lambda: unnamed_gate * 4, 10_000, stable=True)
    yield Instance("slow 10", lambda: slow(10))
    yield Instance("binary tree 6", lambda: binary_tree(6))
    yield Instance("exponential tree 6", lambda: distinct(binary_tree(6)))
    yield Instance("translator 24", lambda: translator(24))
    for size in (20, 40, 60, 80, 120):
        bound = 1.1 if size == 60 else None
        yield Instance(f"random {size}", lambda size=size: random_network(size), bound=bound)
    yield Instance("random 40, 100 stable", lambda: random_network(40), 100, stable=True)
    yield Instance("random_60 of the cases", lambda: case("random_60"))
    sorting = "wraparound_sorting_network"
    yield Instance(sorting, lambda: case(sorting), bound=6.0)
    yield Instance(f"{sorting}, 81 stable", lambda: case(sorting), 81, stable=True)
