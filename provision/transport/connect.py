"""Connections to nodes. The line is opened first: sshd greets while Paramiko is imported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .hostkeys import Pin
from .target import Target, dial

if TYPE_CHECKING:
    import socket

    import paramiko

    from .ssh import Session

CONNECT_SECONDS = 10


@contextlib.contextmanager
def connect(target: Target, *, seconds: float = CONNECT_SECONDS) -> Iterator[Session]:
    """Open a connection to a node for the time of a `with` block.

    Raises:
        HubError: the node cannot be reached, shows another host key, or refuses the operator's key.
    """
    with _line(target, seconds) as line:
        from .ssh import entered

        with entered(target, line, seconds) as session:
            yield session


def shown_key(
    node: str, address: str, port: int, gateway: Target | None, *, seconds: float = CONNECT_SECONDS
) -> tuple[str, str]:
    """Ask a host for its key, without logging in; return the key's type and the key in base64.

    Raises:
        HubError: it does not answer.
    """
    nobody = Target(Pin(node, (address,), "", "", port=port), Path(), gateway)
    with _line(nobody, seconds) as line:
        from .ssh import key_of

        return key_of(nobody, line, seconds)


@contextlib.contextmanager
def _line(target: Target, seconds: float) -> Iterator[socket.socket | paramiko.Channel]:
    """Open the line to a node's sshd: straight, or through its gateway."""
    if target.gateway is not None:
        with connect(target.gateway, seconds=seconds) as session:
            yield session.line_to(target)
        return
    with dial(target, seconds) as sock:
        yield sock
