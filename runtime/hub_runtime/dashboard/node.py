"""The node, asked on an admin's behalf: what is done there is told as it happens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import msgspec

SECONDS = 7200.0
"""How long the node may say nothing: an archive of a large home takes long."""


class Said(msgspec.Struct, frozen=True):
    """One thing that the node says; which fields it has depends on `event`.

    Attributes:
        event: `data`, `passwords`, `progress`, `resource`, `locked`, `error`, `end` or another.
        data: what was asked for.
        passwords: those that were made, by name, before any is set.
        id: what was worked on, such as `account:ann`.
        changes: what was done there, in the field `what` of each.
        text: what is being done.
        message: what went wrong.
        why: the reason, perhaps in several lines.
        holder: who else is at work there, in the field `who`.
    """

    event: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    passwords: dict[str, str] = {}
    id: str = ""
    changes: tuple[dict[str, Any], ...] = ()
    text: str = ""
    message: str = ""
    why: str = ""
    holder: dict[str, Any] = {}


class Node:
    """The node behind a socket.

    Args:
        address: path of the socket.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, token: str, do: str, names: tuple[str, ...] = ()) -> Iterator[Said]:
        """Have something done, and yield what the node says, to the `end`; it is left off when nobody listens any more.

        Args:
            token: the hub's, of whoever asks; the node sees for itself that it is an admin's.
            do: what is asked for, as the node's operations are called.
            names: what it is about.
        """
        asked = msgspec.json.encode({"token": token, "do": do, "names": names})
        ended = False
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(SECONDS)
                connection.connect(self._address)
                connection.sendall(len(asked).to_bytes(8, "big") + asked)
                with connection.makefile("rb") as lines:
                    for line in lines:
                        said = msgspec.json.decode(line, type=Said)
                        yield said
                        ended = ended or said.event == "end"
        except (OSError, msgspec.DecodeError) as error:
            if not ended:
                yield _no_answer(str(error))
            return
        if not ended:
            yield _no_answer("it ended without one: its journal says why")


def _no_answer(why: str) -> Said:
    return Said("error", message="the node gave no whole answer; the list shows what was done", why=why)
