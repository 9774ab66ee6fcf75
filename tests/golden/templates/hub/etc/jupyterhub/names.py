# Made by hubctl; the next deploy undoes changes made here.
"""What a hub's user may be called, and what their password may be. The controller uses this too."""

from __future__ import annotations

import re

LONGEST_NAME = 32
SHORTEST, LONGEST = 8, 128
"""Characters of a password."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def name_problem(name: str) -> str:
    """Return why nobody can be called so, or nothing."""
    if not name:
        return "it is empty"
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters, and may have {LONGEST_NAME}"
    if not _NAME.fullmatch(name):
        return "a name begins with a letter from a to z; then come such letters, digits, `-` and `_`"
    return ""


def password_problem(name: str, password: str) -> str:
    """Return why a password is not taken, or nothing; what is returned does not hold it."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"it has {len(password)} characters, and must have {SHORTEST} to {LONGEST}"
    if not password.isprintable() or password != password.strip():
        return "it holds a control character, or begins or ends with a blank"
    if len(set(password)) == 1 or (name in password.lower() and len(password) < len(name) + SHORTEST):
        return "it can be guessed: it is one character again and again, or little more than the name"
    return ""
