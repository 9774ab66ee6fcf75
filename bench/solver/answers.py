"""Whether two contenders answered the same."""

from __future__ import annotations

from collections import Counter

from hub_runtime.tbn.model import Configuration, Network

from .contenders import Answer


class DifferError(Exception):
    """The answers are not the same: nothing that was measured counts."""


def compare(network: Network, ours: Answer, theirs: Answer, gen: int) -> None:
    """Hold two answers against each other.

    Entropies and the numbers of polymers must agree. Levels that were listed to the end must hold the same
    configurations; of a level cut short by `gen`, which ones come first is the contender's choice.

    Raises:
        DifferError: they differ, or one of them is not a set of saturated configurations.
    """
    for entropy, found in (ours, theirs):
        if len(set(found)) != len(found):
            raise DifferError("a configuration was listed twice")
        if not all(saturated(network, config) for config in found) or not found:
            raise DifferError("what was found is no saturated configuration")
        if max(map(len, found)) != entropy:
            raise DifferError("no configuration has as many polymers as the entropy says")
    if ours[0] != theirs[0] or _levels(ours) != _levels(theirs):
        raise DifferError(f"{ours[0]} {_levels(ours)} against {theirs[0]} {_levels(theirs)}")
    last = min(map(len, ours[1])) if len(ours[1]) == gen else 0
    complete = [{config for config in answer[1] if len(config) > last} for answer in (ours, theirs)]
    if complete[0] != complete[1]:
        raise DifferError(f"{len(complete[0] ^ complete[1])} configurations only one of them found")


def _levels(answer: Answer) -> Counter[int]:
    return Counter(map(len, answer[1]))


def saturated(network: Network, config: Configuration) -> bool:
    """Whether every monomer is there once and every limiting site can be bound inside its polymer."""
    if sorted(kind for polymer in config for kind in polymer) != sorted(network.kinds):
        return False
    sites = [network.monomers[members[0]].sites for members in network.members]
    for polymer in config:
        counts = Counter((site.domain, site.starred) for kind in polymer for site in sites[kind])
        for domain, starred in network.limiting.items():
            if counts[domain, starred] > counts[domain, not starred]:
                return False
    return True
