"""The notebook of a notebook_api: a file beside the inventory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import Exit, HubError
from ..reading import expanded, read_regular
from .services.notebook_api import BUNDLED, NotebookApi

_MOST = 20_000_000
_MOST_CODE = 2_000_000


def read(inventory: Path, service: NotebookApi | None) -> str:
    """Return the text of a service's notebook without what its cells have put out; nothing for a bundled one.

    Raises:
        HubError: there is no such file, or it is no notebook.
    """
    if service is None or service.notebook == BUNDLED:
        return ""
    path = inventory.parent / expanded(service.notebook)
    try:
        text = _code(json.loads(read_regular(path, _MOST)))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(path, f"it is no notebook of format 4: {error!r}"[:200]) from None
    if len(text) > _MOST_CODE:
        raise _unreadable(path, f"it has more than {_MOST_CODE:,} bytes without its outputs")
    return text


def _code(notebook: Any) -> str:
    """Return a notebook as it was before any cell was run, so that running it in an editor releases nothing."""
    cells = [_cell(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    metadata = {
        name: notebook["metadata"][name]
        for name in ("kernelspec", "language_info")
        if name in notebook["metadata"]
    }
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


def _cell(cell: Any) -> dict[str, object]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    tags = [str(tag) for tag in cell["metadata"].get("tags", ())]
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": tags} if tags else {},
        "outputs": [],
        "source": source,
    }


def _unreadable(path: Path, why: str) -> HubError:
    return HubError(
        "notebook-unreadable",
        f"the notebook {path} cannot be served",
        why=why,
        hint="correct `notebook` in the inventory, or save the notebook again in Jupyter",
        exit_code=Exit.INVENTORY,
    )
