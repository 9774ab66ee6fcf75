"""Medians as a table, and ratios against the bounds that hubctl keeps."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .measure import Series

Place = tuple[str, str, int] | tuple[str, str, int, int]
Candidate = tuple[str, Place, Place, float, bool]
"""What is compared, the medians above and below the line, the limit, and whether more is better."""


@dataclass(frozen=True)
class Bound:
    """One bound: a ratio of two medians, or one median in seconds.

    Args:
        what: what is compared.
        value: what came of it.
        limit: what it may be.
        at_least: whether more is better.
        unit: `x` for a ratio, or ` s`.
    """

    what: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = "x"

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self) -> dict[str, object]:
        """Return the bound as plain data."""
        return {**self.__dict__, "kept": self.kept}


def find(series: Sequence[Series], what: str, tool: str, rtt: int, nodes: int = 1) -> float | None:
    """Return a median, or None when it was not measured."""
    wanted = (what, tool, rtt, nodes)
    return next((s.median for s in series if (s.what, s.tool, s.rtt, s.nodes) == wanted), None)


def bounds(series: Sequence[Series], rtts: Sequence[int]) -> list[Bound]:
    """Return the bounds of what was measured."""
    candidates: list[Candidate] = [
        ("pyinfra against hubctl, no-op, 0 ms", ("no-op", "pyinfra", 0), ("no-op", "hubctl", 0), 25.0, True),
        *(_slower(tool, 0, 60.0) for tool in ("ansible", "ansible, pipelining")),
        (
            "pyinfra against hubctl, no-op, 50 ms",
            ("no-op", "pyinfra", 50),
            ("no-op", "hubctl", 50),
            15.0,
            True,
        ),
        _slower("ansible, pipelining", 50, 40.0),
    ]
    candidates += [
        ("no-op against `ssh node true`, 0 ms", ("no-op", "hubctl", 0), ("true", "ssh", 0), 1.6, False),
        ("no-op against `ssh node true`, 50 ms", ("no-op", "hubctl", 50), ("true", "ssh", 50), 1.4, False),
        ("first deploy against a script", ("first", "hubctl", 0), ("first", "shell script", 0), 0.6, False),
    ]
    candidates += [
        (f"16 nodes against one, {_at(rtt)}", _fleet(rtt, 16), _fleet(rtt, 1), 2.1, False) for rtt in rtts
    ]
    found = []
    for what, above, below, limit, at_least in candidates:
        one, other = find(series, *above), find(series, *below)
        if one is not None and other is not None:
            found.append(Bound(what, one / other, limit, at_least))
    found += [bound for rtt in rtts if (bound := _straight(series, rtt)) is not None]
    start = find(series, "--help", "hubctl", 0)
    return found if start is None else [*found, Bound("hubctl --help", start, 0.1, unit=" s")]


def _slower(tool: str, rtt: int, limit: float) -> Candidate:
    return (
        f"{tool} against hubctl, no-op, {_at(rtt)}",
        ("no-op", tool, rtt),
        ("no-op", "hubctl", rtt),
        limit,
        True,
    )


def _fleet(rtt: int, nodes: int) -> Place:
    return ("files, no-op", "hubctl", rtt, nodes)


def _straight(series: Sequence[Series], rtt: int) -> Bound | None:
    """Return how far 40 nodes lie above the straight line through one and sixteen."""
    one, sixteen, forty = (find(series, *_fleet(rtt, nodes)) for nodes in (1, 16, 40))
    if one is None or sixteen is None or forty is None:
        return None
    line = one + (sixteen - one) * 39 / 15
    return Bound(f"40 nodes against the line through 1 and 16, {_at(rtt)}", forty / line, 1.15)


def _at(rtt: int) -> str:
    return f"{rtt} ms"


def table(series: Sequence[Series]) -> str:
    """Return the medians as a Markdown table, with the CPU time and the most memory of the program here."""
    lines = [
        "| what | tool | nodes | RTT | median | of | CPU here | memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s.what} | {s.tool} | {s.nodes} | {s.rtt} ms | {s.median:.3g} s | {len(s.seconds)} "
        f"| {statistics.median(s.cpu):.2g} s | {max(s.memory):.0f} MB |"
        for s in series
    ]
    return "\n".join(lines)


def bound_table(found: Sequence[Bound]) -> str:
    """Return the bounds as a Markdown table."""
    lines = ["| ratio | measured | bound | |", "|---|---|---|---|"]
    for bound in found:
        sign = "≥" if bound.at_least else "≤"
        lines.append(
            f"| {bound.what} | {bound.value:.3g}{bound.unit} | {sign} {bound.limit:g}{bound.unit} "
            f"| {'kept' if bound.kept else '**missed**'} |"
        )
    return "\n".join(lines)
