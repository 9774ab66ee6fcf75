"""Passwords for people: read from paper, said aloud, typed on any keyboard."""

from __future__ import annotations

import math
import secrets

from .value import Secret

# Letters that look like no other, and lie where most keyboards have them.
CONSONANTS, VOWELS = "bdfghjkmnprstv", "aeiou"
WORDS, SYLLABLES = 4, 2
BITS = WORDS * SYLLABLES * math.log2(len(CONSONANTS) * len(VOWELS))
"""How hard one is to guess: 49 bits."""


def spoken() -> Secret:
    """Return a new password such as `tamu-rito-keba-nosi`."""
    return Secret("-".join("".join(map(_syllable, range(SYLLABLES))) for _ in range(WORDS)))


def _syllable(_: int) -> str:
    return secrets.choice(CONSONANTS) + secrets.choice(VOWELS)
