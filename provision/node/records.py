"""Frozen dataclasses that are quick to define.

The standard ones write and compile six methods for each class: for the engine's thirty classes that was a third of its
start, which every deploy waits for. These share theirs; what `dataclasses` does with instances works with them too.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields
from dataclasses import dataclass as dataclass
from typing import TYPE_CHECKING, Any, Callable


class _Shared:
    """What all records do alike."""

    _defaults: dict[str, object]

    def __init__(self, *ordered: object, **named: object) -> None:
        given = dict(zip(self._defaults, ordered))
        values = {**self._defaults, **given, **named}
        wrong = [name for name, value in values.items() if value is MISSING or name not in self._defaults]
        if wrong or len(given) < len(ordered) or given.keys() & named.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._defaults)}; wrong here: {wrong}")
        self.__dict__.update(values)
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._defaults)
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _values(record: Any) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in record._defaults)


_METHODS = {name: method for name, method in vars(_Shared).items() if callable(method)}

if not TYPE_CHECKING:
    _fields_alone = dataclass(init=False, repr=False, eq=False)

    def dataclass(*, frozen: bool) -> Callable[[type], type]:
        """Make a class a dataclass that is frozen; its fields have plain defaults or none."""
        if not frozen:
            raise TypeError("what is not frozen is a class like any other")
        return _record

    def _record(cls: type) -> type:
        _fields_alone(cls)
        cls._defaults = {field.name: field.default for field in fields(cls)}
        for name, method in _METHODS.items():
            if name not in vars(cls):
                setattr(cls, name, method)
        return cls
