"""The JSON Schema of inventories, for editors, derived from the types."""

from __future__ import annotations

from typing import Any

import msgspec

from .model import Fleet, service_shapes

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema; it knows single values, and not the rules between them (`check.py`)."""
    (_root,), parts = msgspec.json.schema_components([Fleet], ref_template="#/$defs/{name}")
    parts = {name: _for_editors(part) for name, part in parts.items()}
    reachable = [name for name, service in service_shapes().items() if service.reachable]
    parts["Tunnel"]["properties"]["service"] = {
        "description": parts["Tunnel"]["properties"]["service"]["description"],
        "enum": reachable,
    }
    fleet = parts.pop(Fleet.__name__)
    return {"$schema": DIALECT, **fleet, "title": "hubctl inventory", "$defs": parts}


def _for_editors(part: Any) -> Any:
    """Take null away, here and below: a key without a value is a mistake, and no editor should offer one."""
    if isinstance(part, list | tuple):
        return [_for_editors(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _for_editors(value) for key, value in part.items() if not (key == "default" and value is None)
    }
    if {"type": "null"} in kept.get("anyOf", ()):
        kinds = [kind for kind in kept.pop("anyOf") if kind != {"type": "null"}]
        return {**kept, **kinds[0]} if len(kinds) == 1 else {**kept, "anyOf": kinds}
    return kept
