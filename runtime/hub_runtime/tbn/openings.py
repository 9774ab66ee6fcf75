"""Which classes can serve an open domain; sets of classes and of domains are bits of an integer."""

from __future__ import annotations

from collections.abc import Sequence

from .reduction import Component


class Openings:
    """The open domains of a growing polymer.

    Attributes:
        nets: of each class, its domains with their nets and their bits.
    """

    def __init__(self, component: Component) -> None:
        self.nets = [
            tuple((domain, value, 1 << domain) for domain, value in net.items()) for net in component.nets
        ]
        self._size = len(component.counts)
        self._providers = [_bits(classes) for classes in component.providers]
        self._consumers = [_bits(classes) for classes in component.consumers]
        self.balanced = _bits(sorted(component.balanced))

    def serving(self, lacking: int, spare: int, allowed: int) -> int | None:
        """The allowed classes that serve the open domain with the fewest of them; None when none is open.

        Args:
            lacking: domains with a positive net.
            spare: domains with a negative net; the balanced ones are open.
            allowed: classes that may be chosen.
        """
        best: int | None = None
        fewest = self._size + 1
        for opened, classes in ((lacking, self._providers), (spare & self.balanced, self._consumers)):
            while opened:
                bit = opened & -opened
                opened ^= bit
                serving = classes[bit.bit_length() - 1] & allowed
                count = serving.bit_count()
                if count < fewest:
                    if not count:
                        return 0
                    best, fewest = serving, count
        return best


def _bits(classes: Sequence[int]) -> int:
    return sum(1 << number for number in classes)
