"""Passwords for people: read from paper, said aloud, typed on any keyboard. The controller uses this too."""

from __future__ import annotations

from random import SystemRandom

# Letters that look like no other, and lie where most keyboards have them.
CONSONANTS, VOWELS = "bdfghjkmnprstv", "aeiou"
WORDS, SYLLABLES = 4, 2
_CHANCE = SystemRandom()


def spoken() -> str:
    """Return a new password such as `tamu-rito-keba-nosi`."""
    return "-".join("".join(map(_syllable, range(SYLLABLES))) for _ in range(WORDS))


def _syllable(_: int) -> str:
    return _CHANCE.choice(CONSONANTS) + _CHANCE.choice(VOWELS)
