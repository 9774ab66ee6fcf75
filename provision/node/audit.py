"""What was done to this node: an append-only log, and the last plans without their secrets."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from .files import make_directories, naming
from .state import load, save, typed

_PLANS = 10
_RUN = {
    **dict.fromkeys(("id", "who", "from", "command", "started", "begun", "ended", "result"), ""),
    "ok": 0,
    "changed": [""],
    "changes": [{"id": "", "what": [""]}],
    "failed": [""],
}
"""What a line of the log is like."""


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def record(state: Path, entry: dict[str, object]) -> None:
    """Append one line to the log.

    Args:
        state: the engine's state directory.
        entry: who, when, command, what changed, result.
    """
    make_directories(state)
    path = state / "audit.jsonl"
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    with naming(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def read(state: Path, limit: int) -> list[dict[str, Any]]:
    """Return the last entries of the log, oldest first; a line that is damaged, as by a crash, is left out."""
    try:
        lines = (state / "audit.jsonl").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    entries: list[dict[str, Any]] = []
    for line in reversed(lines):
        if len(entries) == limit:
            break
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if _like(entry, _RUN):
            entries.append(entry)
    return entries[::-1]


def _like(value: Any, example: Any) -> bool:
    """Tell whether a value has the types of an example; fields may be missing, and others be there."""
    if type(value) is not type(example):
        return False
    if isinstance(value, dict):
        return all(_like(value[name], example[name]) for name in value.keys() & example.keys())
    return all(_like(item, example[0]) for item in value) if isinstance(value, list) else True


def keep_plan(state: Path, name: str, plan: dict[str, object]) -> None:
    """Keep a plan that changed something, and the few before it."""
    plans = state / "plans"
    make_directories(plans)
    plans.chmod(0o700)
    save(plans / f"{name}.json", plan)
    for old in _oldest_first(plans)[:-_PLANS]:
        old.unlink()


def _oldest_first(plans: Path) -> list[Path]:
    """Return the kept plans; their names do not tell apart what was kept within a second."""
    return sorted(plans.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


def last_plan(state: Path) -> dict[str, Any]:
    """Return the last plan that changed something, or nothing.

    Raises:
        NodeError: it is damaged.
    """
    found = _oldest_first(state / "plans")
    if not found:
        return {}
    path = found[-1]
    return load(path, "plan", f"on the node: `rm -r {path}`; the next deploy keeps another", _plan) or {}


def _plan(data: Any) -> dict[str, Any]:
    for resource in typed(typed(data, dict).get("resources", []), list):
        typed(resource["kind"], str)
    return typed(data, dict)
