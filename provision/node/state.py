"""The engine's own files of JSON: each says its format, and one that is damaged is an error of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, TypeVar

from .errors import NodeError
from .files import make_directories, write_file

FORMAT = 1

T = TypeVar("T")


def save(path: Path, fields: Mapping[str, object]) -> None:
    """Write a file, durably.

    Raises:
        OSError: it cannot be written.
    """
    make_directories(path.parent)
    write_file(path, json.dumps({"format": FORMAT, **fields}, ensure_ascii=False))


def load(path: Path, name: str, hint: str, read: Callable[[Any], T]) -> T | None:
    """Read a file, or return None where there is none. One without a format is of the time before formats.

    Args:
        path: the file.
        name: what it is; its error's code is `<name>-damaged`.
        hint: what to do when it is damaged.
        read: makes a value of what the file says; raises ValueError, KeyError or TypeError if it cannot.

    Raises:
        NodeError: it is damaged, or a later version wrote it.
    """
    try:
        data = json.loads(path.read_bytes())
        if isinstance(data, dict) and data.get("format", FORMAT) not in range(1, FORMAT + 1):
            raise NodeError(
                "state-newer",
                f"{path} was written by a later hubctl",
                why=f"its format is {data['format']!r}, this one knows {FORMAT}",
                hint="use the hubctl that deployed the node last, or a newer one",
            )
        return read(data)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IsADirectoryError) as error:
        why = f"{type(error).__name__}: {error}"
        raise NodeError(f"{name}-damaged", f"{path} cannot be read", why=why[:500], hint=hint) from error


def typed(value: Any, kind: type[T]) -> T:
    """Return a value of that type.

    Raises:
        ValueError: it is of another.
    """
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}"[:200])
    return value


def words(value: Any) -> list[str]:
    """Return a list of strings.

    Raises:
        ValueError: it is something else.
    """
    return [typed(word, str) for word in typed(value, list)]
