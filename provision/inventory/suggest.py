"""What the writer of a wrong word may have meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher, get_close_matches


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the question that names the nearest known word, empty when none is near."""
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def nearest(word: str, known: Collection[str], most: int = 8) -> list[str]:
    """Return known words, those most alike first."""
    return sorted(known, key=lambda other: (-SequenceMatcher(None, word, other).ratio(), other))[:most]
