"""hubctl schema."""

from __future__ import annotations

from .options import command


def schema() -> None:
    """Print the inventory's JSON Schema."""
    with command(json=False) as output:
        import json

        from ..inventory.schema import json_schema

        output.result(json.dumps(json_schema(), indent=2))
