"""How a change of content is shown."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

_LARGEST = 200_000
_LONGEST = 20_000
_LONGEST_VALUE = 60


def digest(data: bytes | None) -> str:
    """Name a secret content by the start of its sha256, or say that there is none."""
    from hashlib import sha256

    return "none" if data is None else "sha256 " + sha256(data).hexdigest()[:8]


def unified(path: str, old: bytes | None, new: bytes) -> str:
    """Return the unified diff of a file's content, shortened when it is very long.

    Args:
        path: name shown in the heading.
        old: the content before, None if there was no file.
        new: the content after.
    """
    from difflib import unified_diff

    if len(old or b"") > _LARGEST or len(new) > _LARGEST:
        return f"({len(old or b'')} → {len(new)} bytes)\n"
    try:
        before, after = (old or b"").decode(), new.decode()
    except UnicodeDecodeError:
        return f"(binary, {len(old or b'')} → {len(new)} bytes)\n"
    lines = unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        "/dev/null" if old is None else path,
        path,
    )
    text = "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "\n(shortened)\n"


def settings_changes(old: str, new: str, shown: Collection[str]) -> list[str]:
    """Name the settings that differ between two JSON texts, and what they were and will be.

    Args:
        old: the text before.
        new: the text after.
        shown: names of those whose values may be shown; others may be secret, and are named alone.
    """
    try:
        before, after = json.loads(old), json.loads(new)
    except ValueError:
        return ["settings"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ["settings"]
    differing = [name for name in sorted({**before, **after}) if before.get(name) != after.get(name)]
    return [
        f"{name} {_value(before, name)} → {_value(after, name)}" if name in shown else name
        for name in differing
    ]


def _value(settings: dict[str, Any], name: str) -> str:
    text = json.dumps(settings[name], ensure_ascii=False) if name in settings else "nothing"
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
