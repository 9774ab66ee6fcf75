"""Secret values: text that never shows itself by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn

MASK = "********"


class Secret:
    """A text whose `str`, `repr` and `format` are masked; `reveal` is the one way to read it.

    It is no `str` on purpose: concatenating, joining or encoding it by mistake is a type error.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self.__value

    def __repr__(self) -> str:
        """Return the mask; the length is not shown either."""
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return the mask, whatever is asked for."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare in constant time with another secret; a plain text is never equal."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        """Hash as equal secrets do."""
        return hash((Secret, self.__value))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into a file.

        Raises:
            TypeError: always.
        """
        raise TypeError("a secret cannot be pickled")
