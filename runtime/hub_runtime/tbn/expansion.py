"""From polymers of classes to polymers of monomers: who of a class stands where."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain

from .model import Kinds
from .reduction import Column, Component


class Expansion:
    """Distinct ways to fill the polymers of one component with its monomers."""

    def __init__(self, component: Component) -> None:
        self._kinds = component.kinds
        self._uniform = all(len(kinds) == 1 for kinds in component.kinds)
        self._filled: dict[Column, Kinds] = {}

    def of(self, columns: Sequence[Column]) -> Iterator[tuple[Kinds, ...]]:
        """Every way, once; equal polymers are filled in ascending order so that none comes twice."""
        if self._uniform:
            yield tuple(self._fill(column) for column in columns)
            return
        left = [dict(kinds) for kinds in self._kinds]
        ordered = sorted(column for column in columns if not _is_single(column))
        classes = sorted({column[0][0] for column in columns if _is_single(column)})
        if not ordered:
            yield _singles(left, classes)
            return
        filled: list[Kinds] = []
        rounds = [_fillings(ordered[0], left)]
        while rounds:
            polymer = next(rounds[-1], None)
            position = len(rounds)
            if polymer is None:
                rounds.pop()
                del filled[-1:]
            elif position > 1 and ordered[position - 1] == ordered[position - 2] and polymer < filled[-1]:
                continue
            elif position == len(ordered):
                yield (*filled, polymer, *_singles(left, classes))
            else:
                filled.append(polymer)
                rounds.append(_fillings(ordered[position], left))

    def _fill(self, column: Column) -> Kinds:
        filled = self._filled.get(column)
        if filled is None:
            filled = tuple(
                sorted(self._kinds[number][0][0] for number, count in column for _ in range(count))
            )
            self._filled[column] = filled
        return filled


def _fillings(column: Column, left: Sequence[dict[int, int]]) -> Iterator[Kinds]:
    """Every way to fill one polymer with what is left; while one is yielded, it is taken away."""
    parts: list[Kinds] = []
    rounds = [_choices(left[column[0][0]], column[0][1])]
    while rounds:
        if len(parts) == len(rounds):
            _move(parts.pop(), left[column[len(parts)][0]], 1)
        part = next(rounds[-1], None)
        if part is None:
            rounds.pop()
            continue
        _move(part, left[column[len(parts)][0]], -1)
        parts.append(part)
        if len(parts) == len(column):
            yield tuple(sorted(chain.from_iterable(parts)))
        else:
            number, count = column[len(parts)]
            rounds.append(_choices(left[number], count))


def _move(kinds: Kinds, left: dict[int, int], amount: int) -> None:
    for kind in kinds:
        left[kind] += amount


def _choices(left: dict[int, int], count: int) -> Iterator[Kinds]:
    """Multisets of so many kinds out of what is left, in ascending order."""
    pool = [kind for kind, amount in sorted(left.items()) for _ in range(amount)]
    if count > len(pool):
        return
    chosen, last = pool[:count], pool[len(pool) - count :]
    position: int | None = 0
    while position is not None:
        yield tuple(chosen)
        position = next((p for p in reversed(range(count)) if chosen[p] < last[p]), None)
        if position is not None:
            following = bisect_right(pool, chosen[position])
            chosen[position:] = pool[following : following + count - position]


def _is_single(column: Column) -> bool:
    return len(column) == 1 and column[0][1] == 1


def _singles(left: Sequence[dict[int, int]], classes: Sequence[int]) -> tuple[Kinds, ...]:
    """Whatever is left of these classes, each monomer alone."""
    return tuple(
        (kind,) for number in classes for kind, amount in left[number].items() for _ in range(amount)
    )
