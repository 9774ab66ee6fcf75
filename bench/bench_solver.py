"""How fast and how big: the solver against python-sat's own loop, run beside it.

The loop is what a straightforward use of python-sat does: the clauses of saturation and grouping, a fresh
Glucose for every number of polymers, from one upwards, and again from one for every further configuration.
Each measurement is a process of its own; the ratio is the loop's time over the solver's (``>``: the loop was
stopped). Usage: ``python bench/bench_solver.py [--limit SECONDS] [NAME …]``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from pysat.solvers import Glucose4

from hub_runtime.tbn.encoding import Encoding
from hub_runtime.tbn.model import Network
from hub_runtime.tbn.parse import parse
from hub_runtime.tbn.solve import Entropy, Progress, solve

CASES = Path(__file__).parent.parent / "runtime" / "tests" / "data" / "tbn_cases.json"
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


def instances() -> Iterator[tuple[str, Callable[[], Rows], int]]:
    """Name, monomers and how many configurations are listed."""
    unnamed_gate = [[token for token in row if ">" not in token] for row in and_chain(1)]
    yield "and_gate", lambda: case("and_gate"), 1
    yield "and_gate, 1000 configurations", lambda: case("and_gate"), 1000
    yield "two_and, 1000 configurations", lambda: and_chain(2), 1000
    yield "two_and", lambda: and_chain(2), 1
    for gates in (4, 8, 12, 16, 32):
        yield f"and_chain {gates}", lambda gates=gates: and_chain(gates), 1
    for gates in (4, 8, 12, 16):
        yield f"and_chain {gates}, all stable", lambda gates=gates: and_chain(gates), 2 ** (gates + 1) - 1
    yield "grid 12x12", lambda: grid(12), 1
    yield "grid 3x3, 4 copies", lambda: grid(3) * 4, 1
    yield "grid 3x3, 15 copies", lambda: grid(3) * 15, 1
    yield "and_gate, 4 copies", lambda: unnamed_gate * 4, 1
    yield "and_gate, 10 copies", lambda: unnamed_gate * 10, 1
    yield "and_gate, 10 copies, all stable", lambda: unnamed_gate * 10, 66
    yield "slow 10", lambda: slow(10), 1
    yield "binary tree 6", lambda: binary_tree(6), 1
    yield "exponential tree 6", lambda: distinct(binary_tree(6)), 1
    yield "translator 24", lambda: translator(24), 1
    for size in (20, 40, 60, 80, 120):
        yield f"random {size}", lambda size=size: random_network(size), 1
    yield "random_60 of the cases", lambda: case("random_60"), 1
    yield "wraparound_sorting_network", lambda: case("wraparound_sorting_network"), 1
    yield "wraparound_sorting_network, all stable", lambda: case("wraparound_sorting_network"), 81


def product(network: Network, gen: int) -> list[int]:
    """Polymers of the configurations found by the solver."""
    entropy = 0
    counts = []
    for event in solve(network, gen=gen):
        if isinstance(event, Entropy):
            entropy = event.polymers
        elif not isinstance(event, Progress):
            counts.append(len(event))
    return [entropy, *counts]


def loop(network: Network, gen: int) -> list[int]:
    """The same by python-sat's own loop."""
    encoding = Encoding(network, real_bonds=True)
    clauses = list(encoding.clauses)
    counts: list[int] = []
    while len(counts) < gen:
        polymers, model = 0, None
        while True:
            with Glucose4(bootstrap_with=clauses) as solver:
                if not solver.solve(assumptions=encoding.at_least(polymers + 1)):
                    break
                polymers, model = polymers + 1, solver.get_model()
        if model is None:
            break
        counts.append(polymers)
        clauses.append([-var for var in encoding.pairs.values() if model[var - 1] > 0])
    return [counts[0], *counts]


def _child(
    pipe: multiprocessing.connection.Connection, work: Callable[..., list[int]], rows: Rows, gen: int
) -> None:
    work(parse([["a"], ["a*"]]), 1)  # what the libraries do once is measured for neither
    started = time.perf_counter()
    counts = work(parse(rows), gen)
    seconds = time.perf_counter() - started
    pipe.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, counts))


def measure(
    work: Callable[..., list[int]], monomers: Rows, gen: int, limit: float
) -> tuple[float, float, list[int]] | None:
    """Seconds, peak memory in MB and the counts; None past the limit."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sending, work, monomers, gen))
    process.start()
    sending.close()
    try:
        return receiving.recv() if receiving.poll(limit) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()


def main() -> None:
    """Print one line an instance."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only instances whose name begins so")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds a measurement may take")
    arguments = parser.parse_args()
    write = sys.stdout.write
    heads = f"{'monomers':>8} {'entropy':>7} {'found':>7} {'seconds':>8} {'MB':>5} {'loop':>8} {'ratio':>8}"
    write(f"{'instance':40} {heads}\n")
    for name, make, gen in instances():
        if arguments.names and not name.startswith(tuple(arguments.names)):
            continue
        monomers = make()
        line = f"{name:40} {len(monomers):8}"
        ours = measure(product, monomers, gen, max(arguments.limit, 120.0))
        theirs = measure(loop, monomers, gen, arguments.limit) if gen <= 1000 else None
        if ours is None:
            write(f"{line} {'no answer in time':>24}\n")
            continue
        seconds, memory, counts = ours
        line += f" {counts[0]:7} {len(counts) - 1:7} {seconds:8.3f} {memory:5.0f}"
        if theirs is None:
            line += f" {'>' + format(arguments.limit, '.0f'):>8} {'>' + format(arguments.limit / seconds, '.0f'):>8}"
        else:
            line += f" {theirs[0]:8.3f} {theirs[0] / seconds:8.1f}"
        write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
