"""From polymers of classes to polymers of monomers: who of a class stands where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

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
    if not column:
        yield ()
        return
    (number, count), rest = column[0], column[1:]
    for part in _choices(left[number], count):
        for kind in part:
            left[number][kind] -= 1
        for others in _fillings(rest, left):
            yield tuple(sorted(part + others))
        for kind in part:
            left[number][kind] += 1


def _choices(left: dict[int, int], count: int) -> Iterator[Kinds]:
    """Multisets of so many kinds out of what is left, in ascending order."""
    kinds = sorted(kind for kind, amount in left.items() if amount)
    amounts = [left[kind] for kind in kinds]
    totals = list(accumulate(reversed(amounts), initial=0))[::-1]

    def choose(first: int, count: int) -> Iterator[Kinds]:
        if totals[first] == count:
            yield tuple(
                kind
                for kind, amount in zip(kinds[first:], amounts[first:], strict=True)
                for _ in range(amount)
            )
            return
        for position in range(first, len(kinds)):
            if totals[position] < count:
                return
            for taken in range(min(amounts[position], count), 0, -1):
                for others in choose(position + 1, count - taken) if taken < count else ((),):
                    yield (kinds[position],) * taken + others

    yield from choose(0, count)


def _is_single(column: Column) -> bool:
    return len(column) == 1 and column[0][1] == 1


def _singles(left: Sequence[dict[int, int]], classes: Sequence[int]) -> tuple[Kinds, ...]:
    """Whatever is left of these classes, each monomer alone."""
    return tuple(
        (kind,) for number in classes for kind, amount in left[number].items() for _ in range(amount)
    )
