"""Every way to divide the monomers of a component into a given number of given polymers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .reduction import Column, Component
from .tight import EPSILON, slack

REMEMBERED = 64
"""A node with more branches is worked out again when it is reached again."""


class Node(NamedTuple):
    """What is left to be divided.

    Attributes:
        monomers: counts of all classes packed into one number.
        polymers: how many are still to be made of them.
    """

    monomers: int
    polymers: int


class Branch(NamedTuple):
    """What is placed next (numbers of columns), what is left then, and the columns that may still fit."""

    placed: tuple[int, ...]
    node: Node
    fitting: Sequence[int]
    slack: float


class Covers:
    """Exact covers as a graph, walked depth first.

    Every field of the packed counts has a spare bit on top, so that one subtraction tells whether a polymer
    fits. All monomers of one class are placed at one node, polymers in ascending order, so every cover is found
    once; a node from which no cover was found is not entered again.

    Args:
        component: the classes to cover.
        columns: the polymers to choose from.
        duals: prices at which no polymer costs less than one.
        polymers: how many a cover has.
    """

    def __init__(
        self, component: Component, columns: Sequence[Column], duals: Sequence[float], polymers: int
    ) -> None:
        self.columns = sorted(columns)
        self.polymers = polymers
        widths = [count.bit_length() + 1 for count in component.counts]
        self._shift = [sum(widths[:number]) for number in range(len(widths))]
        self._mask = [(1 << (width - 1)) - 1 for width in widths]
        self._spare = sum(1 << (shift + width - 1) for shift, width in zip(self._shift, widths, strict=True))
        self._packed = [self._pack(column) for column in self.columns]
        self._slack = [sum(duals[number] * count for number, count in column) - 1 for column in self.columns]
        needy = set(component.needy)
        self._needy = [[number for number, _ in column if number in needy] for column in self.columns]
        self._amount = [dict(column) for column in self.columns]
        self._single = {
            column[0][0]: number
            for number, column in enumerate(self.columns)
            if column[0][1:] == (1,) and len(column) == 1
        }
        self._alone = [number for number, alone in enumerate(component.alone) if alone]
        self._any_needy = sum(self._mask[number] << self._shift[number] for number in needy)
        start = Node(self._pack(component.everything), polymers)
        self._start = Branch((), start, range(len(self.columns)), slack(component, duals, polymers))
        self._known: dict[Node, tuple[Branch, ...]] = {}

    def __iter__(self) -> Iterator[list[int]]:
        """Numbers of the columns of each cover; the list is the walk's own: copy it to keep it."""
        chosen: list[int] = []
        dead: set[Node] = set()
        found = 0
        walk = [(self._start, self._branches(self._start), 0, found)]
        while walk:
            at, branches, mark, before = walk[-1]
            branch = next(branches, None)
            if branch is None:
                if found == before:
                    dead.add(at.node)
                walk.pop()
                del chosen[mark:]
                continue
            if branch.node in dead:
                continue
            mark = len(chosen)
            chosen.extend(branch.placed)
            if not branch.node.monomers:
                found += 1
                yield chosen
                del chosen[mark:]
            else:
                walk.append((branch, self._branches(branch), mark, found))

    def _branches(self, at: Branch) -> Iterator[Branch]:
        known = self._known.get(at.node)
        if known is not None:
            yield from known
            return
        kept: list[Branch] | None = []
        for branch in self._expand(at):
            if kept is not None:
                kept.append(branch)
                if len(kept) > REMEMBERED:
                    kept = None
            yield branch
        if kept is not None:
            self._known[at.node] = tuple(kept)

    def _expand(self, at: Branch) -> Iterator[Branch]:
        if not at.node.monomers & self._any_needy:
            yield from self._place_alone(at.node)
            return
        room = at.node.monomers | self._spare
        limit = at.slack + EPSILON
        fitting = [
            column
            for column in at.fitting
            if (room - self._packed[column]) & self._spare == self._spare and self._slack[column] <= limit
        ]
        chosen = self._scarcest(at.node.monomers, fitting)
        if chosen is None:
            return
        number, options = chosen
        yield from self._place(at, number, options, fitting)

    def _place_alone(self, node: Node) -> Iterator[Branch]:
        """What is left is alone; it fits if there is as much of it as there are polymers to make."""
        placed = [
            self._single[number]
            for number in self._alone
            for _ in range(self._left(node.monomers, number))
            if number in self._single
        ]
        if len(placed) == node.polymers:
            yield Branch(tuple(placed), Node(0, 0), (), 0.0)

    def _scarcest(self, monomers: int, fitting: Sequence[int]) -> tuple[int, list[int]] | None:
        """The needy class left that fewest columns can take, and those; None if one cannot be taken."""
        options: dict[int, list[int]] = {}
        for column in fitting:
            for number in self._needy[column]:
                options.setdefault(number, []).append(column)
        left = monomers & self._any_needy
        for number in options:
            left &= ~(self._mask[number] << self._shift[number])
        if left or not options:
            return None
        number = min(options, key=lambda number: (len(options[number]), number))
        return number, options[number]

    def _place(
        self, at: Branch, number: int, options: Sequence[int], fitting: Sequence[int]
    ) -> Iterator[Branch]:
        """Every choice among the options, in ascending order, that takes all monomers of the class."""
        nothing: tuple[int, ...] = ()
        stack = [(nothing, at.node.monomers, at.slack, self._left(at.node.monomers, number), 0)]
        while stack:
            placed, monomers, slack, left, first = stack.pop()
            if not left:
                node = Node(monomers, at.node.polymers - len(placed))
                if (monomers == 0) == (node.polymers == 0):
                    yield Branch(placed, node, fitting, slack)
                continue
            room = monomers | self._spare
            for position in range(len(options) - 1, first - 1, -1):
                column = options[position]
                rest = room - self._packed[column]
                slack_left = slack - self._slack[column]
                if rest & self._spare == self._spare and slack_left >= -EPSILON:
                    taken = self._amount[column][number]
                    stack.append(((*placed, column), rest ^ self._spare, slack_left, left - taken, position))

    def _pack(self, column: Column) -> int:
        return sum(count << self._shift[number] for number, count in column)

    def _left(self, monomers: int, number: int) -> int:
        return monomers >> self._shift[number] & self._mask[number]
