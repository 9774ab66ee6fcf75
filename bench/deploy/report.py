"""Medians as a table, and ratios against the bounds that hubctl keeps."""

from __future__ import annotations

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
    candidates: list[Candidate] = [bound for rtt in rtts for bound in _against_others(rtt)]
    for rtt in rtts:
        candidates += [
            (
                "no-op against `ssh node true`, " + _at(rtt),
                ("no-op", "hubctl", rtt),
                ("true", "ssh", rtt),
                3.0,
                False,
            ),
            (
                "16 nodes against one, no-op, " + _at(rtt),
                ("files, no-op", "hubctl", rtt, 16),
                ("files, no-op", "hubctl", rtt, 1),
                3.0,
                False,
            ),
        ]
    candidates.append(
        ("first deploy against a script", ("first", "hubctl", 0), ("first", "shell script", 0), 1.0, False)
    )
    found = []
    for what, above, below, limit, at_least in candidates:
        one, other = find(series, *above), find(series, *below)
        if one is not None and other is not None:
            found.append(Bound(what, one / other, limit, at_least))
    start = find(series, "--help", "hubctl", 0)
    return found if start is None else [*found, Bound("hubctl --help", start, 0.15, unit=" s")]


def _against_others(rtt: int) -> list[Candidate]:
    limits = {"pyinfra": (5.0, 15.0), "ansible": (20.0, 40.0), "ansible, pipelining": (20.0, 40.0)}
    return [
        (
            f"{tool} against hubctl, no-op, {_at(rtt)}",
            ("no-op", tool, rtt),
            ("no-op", "hubctl", rtt),
            pair[rtt > 0],
            True,
        )
        for tool, pair in limits.items()
    ]


def _at(rtt: int) -> str:
    return f"{rtt} ms"


def table(series: Sequence[Series]) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| what | tool | nodes | RTT | median | of |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {s.what} | {s.tool} | {s.nodes} | {s.rtt} ms | {s.median:.3g} s | {len(s.seconds)} |"
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
