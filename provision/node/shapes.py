"""What the fields of a resource may hold, from their annotations.

Python 3.9 cannot evaluate `str | None`, so the texts are read: `str`, `int`, `bool`, `None` and unions of these, unions
of other dataclasses by name, and `tuple[…, ...]` of either.
"""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from functools import cache

from .records import dataclass

_SIMPLE: dict[str, type] = {"str": str, "int": int, "bool": bool, "None": type(None)}
_MANY = ("tuple[", ", ...]")


@dataclass(frozen=True)
class Shape:
    """What one field may hold.

    Args:
        types: one of these, all simple or all dataclasses.
        many: whether any number of them, as a tuple.
    """

    types: tuple[type, ...]
    many: bool = False

    @property
    def made_of_parts(self) -> bool:
        """Whether the types are dataclasses."""
        return is_dataclass(self.types[0])

    def __str__(self) -> str:
        """Name the types."""
        return " or ".join("None" if cls is type(None) else cls.__name__ for cls in self.types)


@cache
def shapes(cls: type) -> dict[str, Shape]:
    """Return what the fields of a dataclass may hold, by name.

    Raises:
        TypeError: an annotation is none of those that travel.
    """
    return {field.name: _shape(cls, field.name, str(field.type)) for field in fields(cls)}


def _shape(cls: type, field: str, annotation: str) -> Shape:
    head, tail = _MANY
    many = annotation.startswith(head) and annotation.endswith(tail)
    names = (annotation[len(head) : -len(tail)] if many else annotation).split(" | ")
    known = vars(sys.modules[cls.__module__])
    types = tuple(_SIMPLE.get(name) or known.get(name) for name in names)
    simple = all(name in _SIMPLE for name in names)
    if simple or all(isinstance(found, type) and is_dataclass(found) for found in types):
        return Shape(types, many)  # type: ignore[arg-type]
    raise TypeError(f"{cls.__name__}.{field}: a field of type {annotation} cannot be sent to a node")
