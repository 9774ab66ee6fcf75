"""The whole computation as a stream of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import constraints, limits
from .errors import MinPolymersExceedEntropyError
from .model import Configuration, Network
from .search import Search
from .stable import Stable


@dataclass(frozen=True)
class Progress:
    """Configuration number ``count`` is being looked for among those with ``polymers`` polymers."""

    count: int
    polymers: int


@dataclass(frozen=True)
class Entropy:
    """Polymers of an unconstrained stable configuration."""

    polymers: int


Event = Progress | Entropy | Configuration


def solve(network: Network, *, gen: int = 1, init_k: int = 1, real_bonds: bool = True) -> Iterator[Event]:
    """Find the entropy, then up to ``gen`` distinct configurations in non-increasing number of polymers.

    Without constraints at least one configuration is found, whatever ``gen`` says. Nothing with fewer than
    ``init_k`` polymers is returned.

    Raises:
        TBNError: a constraint can never be met, or ``init_k`` is more than the entropy.
        TooLargeError: the network is too large to be searched by clauses; without constraints this comes after the
            stable configurations, and only when more are wanted.
    """
    constraints.check(network)
    if network.constraints and gen:
        limits.check(network)
    stable = Stable(network)
    entropy = 0
    for entropy in stable.entropy():
        yield Progress(1, entropy)
    if init_k > entropy:
        raise MinPolymersExceedEntropyError(init_k)
    yield Entropy(entropy)
    wanted = gen if network.constraints else max(gen, 1)
    least = max(init_k, network.fewest_polymers if real_bonds else 1)
    found = 0
    if wanted:
        for event in _configurations(network, stable, range(entropy, least - 1, -1), real_bonds):
            if isinstance(event, int):
                yield Progress(found + 1, event)
                continue
            yield event
            found += 1
            if found == wanted:
                return
            yield Progress(found + 1, len(event))


def _configurations(
    network: Network, stable: Stable, levels: range, real_bonds: bool
) -> Iterator[int | Configuration]:
    """Configurations level by level, and each level's polymers before its configurations."""
    if not network.constraints:
        # In a stable configuration bonds hold every polymer together, or it would be two.
        yield from stable
        levels = levels[1:]
    if not levels:
        return
    search = Search(network, real_bonds=real_bonds)
    for polymers in levels:
        yield polymers
        yield from search.level(polymers)
    search.close()
