"""Make do_openapi.json: DigitalOcean's OpenAPI document cut down to what the local cloud serves.

    python tests/contract/trim_openapi.py FULL_SPECIFICATION.json

Prose and examples go, and every schema that no kept path refers to. Two slips of the document are mended: one
list of actions lacks `reboot`, and parts of addresses are marked as read-only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("do_openapi.json")
KEPT = (
    "/v2/account",
    "/v2/account/keys",
    "/v2/account/keys/{ssh_key_identifier}",
    "/v2/actions",
    "/v2/actions/{action_id}",
    "/v2/domains",
    "/v2/domains/{domain_name}",
    "/v2/domains/{domain_name}/records",
    "/v2/domains/{domain_name}/records/{domain_record_id}",
    "/v2/droplets",
    "/v2/droplets/{droplet_id}",
    "/v2/droplets/{droplet_id}/actions",
    "/v2/droplets/{droplet_id}/actions/{action_id}",
    "/v2/droplets/actions",
    "/v2/droplets/{droplet_id}/snapshots",
    "/v2/images",
    "/v2/images/{image_id}",
    "/v2/regions",
    "/v2/sizes",
    "/v2/snapshots",
    "/v2/snapshots/{snapshot_id}",
    "/v2/tags",
    "/v2/tags/{tag_id}",
    "/v2/tags/{tag_id}/resources",
)
PROSE = {
    "description",
    "summary",
    "example",
    "examples",
    "title",
    "x-codeSamples",
    "externalDocs",
    "x-internal",
}


def trim(specification: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a specification that KEPT names."""
    kept: dict[str, Any] = {
        "openapi": specification["openapi"],
        "info": {"title": "DigitalOcean API, the part that the local cloud serves", "version": "2.0"},
        "servers": [{"url": "https://api.digitalocean.com"}],
        "paths": {path: _without_prose(specification["paths"][path]) for path in KEPT},
    }
    pending = list(_references(kept["paths"]))
    while pending:
        parts = pending.pop().removeprefix("#/").split("/")
        parent = kept
        for part in parts[:-1]:
            parent = parent.setdefault(part, {})
        if parts[-1] not in parent:
            value: Any = specification
            for part in parts:
                value = value[part.replace("~1", "/").replace("~0", "~")]
            parent[parts[-1]] = _without_prose(value)
            pending += _references(parent[parts[-1]])
    kept["components"]["securitySchemes"] = {"bearer_auth": {"type": "http", "scheme": "bearer"}}
    by_tag = kept["paths"]["/v2/droplets/actions"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    by_tag["discriminator"]["mapping"]["reboot"] = by_tag["discriminator"]["mapping"]["power_on"]
    for name in ("ssh_key_id", "ssh_key_fingerprint"):
        del kept["components"]["schemas"][name]["readOnly"]
    return kept


def _without_prose(value: Any, names: bool = False) -> Any:
    """Drop prose; below `properties` and the like every key is a name and stays."""
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if names or key not in PROSE}
    result = {
        key: _without_prose(item, key in ("properties", "headers") and not names)
        for key, item in kept.items()
    }
    if not names and {"content", "headers"} & result.keys() and "description" in value:
        result["description"] = ""  # OpenAPI wants it in every response
    return result


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [reference for item in value.values() for reference in _references(item)]


if __name__ == "__main__":
    trimmed = trim(json.loads(Path(sys.argv[1]).read_text()))
    TARGET.write_text(json.dumps(trimmed, indent=1, sort_keys=True) + "\n")
