"""The document as JSON text, which is what gets encrypted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from .model import STATUSES, Document, Generation, Generations
from .value import Secret

FORMAT = 1


def encode(document: Document) -> bytes:
    """Return the text to be encrypted; it shows every value."""
    data = {
        "format": FORMAT,
        "recipients": list(document.recipients),
        "secrets": {name: [_plain(item) for item in items] for name, items in document.secrets.items()},
    }
    return json.dumps(data, indent=1).encode()


def _plain(item: Generation) -> dict[str, object]:
    value = {} if item.value is None else {"value": item.value.reveal()}
    created = item.created.isoformat(timespec="seconds")
    return {"generation": item.number, "created": created, "status": item.status, **value}


def decode(text: bytes) -> Document:
    """Return the document of a decrypted text.

    Raises:
        ValueError: it is no document; the message shows nothing of the text.
    """
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError("it was written by another version of hubctl")
        secrets = {name: _generations(items) for name, items in data["secrets"].items()}
        return Document(tuple(map(str, data["recipients"])), secrets)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        # None of these may become a cause: they quote the text.
        raise ValueError("its content is damaged") from None


def _generations(items: list[dict[str, Any]]) -> Generations:
    found = []
    for item in items:
        if item["status"] not in STATUSES:
            raise ValueError("its content is damaged")
        value = Secret(item["value"]) if "value" in item else None
        created = datetime.fromisoformat(item["created"])
        found.append(Generation(int(item["generation"]), created, item["status"], value))
    return tuple(found)
