"""How large a network may be for constraints and for configurations below the stable ones.

The entropy and the stable configurations have no limit but time and memory.
"""

from __future__ import annotations

from collections import Counter

from .errors import TooLargeError
from .model import Network

MOST_BONDS = 400_000
"""Bonds that could form: pairs of a site of a domain's rarer side and one of its other side."""
MOST_CLAUSES = 20_000_000
"""Clauses that say that sharing a polymer is transitive: three for every three monomers that bonds could ever join."""
MOST_CONNECTED = 342
"""Monomers that bonds could ever join: so many need no more than those clauses."""


def check(network: Network) -> None:
    """Refuse a network that is too large to be written as clauses, before any is written.

    Raises:
        TooLargeError: with the numbers and the limits.
    """
    clauses = sum(clauses_of(len(group)) for group in network.possible_groups)
    sites = Counter((site.domain, site.starred) for monomer in network.monomers for site in monomer.sites)
    bonds = sum(sites[domain, True] * sites[domain, False] for domain in network.limiting)
    if clauses > MOST_CLAUSES or bonds > MOST_BONDS:
        raise TooLargeError(
            "The network is too large for constraints and for configurations below the stable ones: "
            f"{max(map(len, network.possible_groups))} monomers that bonds could join (at most {MOST_CONNECTED}), "
            f"{clauses} clauses for all that bonds could join (at most {MOST_CLAUSES}) and "
            f"{bonds} possible bonds (at most {MOST_BONDS})."
        )


def clauses_of(connected: int) -> int:
    """Clauses of transitivity among so many monomers."""
    return connected * (connected - 1) * (connected - 2) // 2
