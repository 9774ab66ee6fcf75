"""Which classes can serve an open domain; sets of classes are bits of an integer."""

from __future__ import annotations

from collections.abc import Sequence

from .reduction import Component


class Openings:
    """The open domains of a growing polymer."""

    def __init__(self, component: Component) -> None:
        self._size = len(component.counts)
        self._providers = [_bits(classes) for classes in component.providers]
        self._consumers = [
            _bits(classes) if domain in component.balanced else 0
            for domain, classes in enumerate(component.consumers)
        ]

    def serving(self, net: Sequence[int], allowed: int) -> int | None:
        """The allowed classes that serve the open domain with the fewest of them; None when none is open."""
        best: int | None = None
        fewest = self._size + 1
        for domain, value in enumerate(net):
            if not value:
                continue
            serving = self._providers[domain] if value > 0 else self._consumers[domain]
            if value < 0 and not serving:
                continue
            serving &= allowed
            count = serving.bit_count()
            if count < fewest:
                if not count:
                    return 0
                best, fewest = serving, count
        return best


def _bits(classes: Sequence[int]) -> int:
    return sum(1 << number for number in classes)
