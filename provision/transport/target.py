"""Where a node is and how it is entered, and the line to its sshd. What talks over it is imported later."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Exit, HubError
from .hostkeys import USER, Pin

TCP_SECONDS = 40  # later than the keepalive of ssh.py, which says first what was wrong


@dataclass(frozen=True)
class Target:
    """Where a node is and how it is entered: as the pin says, through the gateway where it has one."""

    pin: Pin
    key_file: Path
    gateway: Target | None = None

    @property
    def address(self) -> str:
        """The address used: the first one."""
        return self.pin.addresses[0]

    @property
    def user(self) -> str:
        """Who logs in."""
        return self.pin.user

    @property
    def port(self) -> int:
        """The port of its sshd."""
        return self.pin.port

    def as_root(self, argv: Sequence[str]) -> Sequence[str]:
        """Return the words that run a program as root there."""
        return argv if self.user == USER else ("sudo", "-n", "--", *argv)


def dial(target: Target, seconds: float) -> socket.socket:
    """Open the line to a node's sshd, which begins to greet.

    Raises:
        HubError: nothing answers there.
    """
    try:
        sock = socket.create_connection((target.address, target.port), timeout=seconds)
        # paramiko leaves Nagle on: 40 ms for every request that waits for a delayed acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_SECONDS * 1000)
    except OSError as error:
        raise unreachable(target, error.strerror or str(error)) from None
    return sock


def unreachable(target: Target, why: str) -> HubError:
    """Return the error for a node that does not answer."""
    return HubError(
        "unreachable",
        f"{target.pin.node} does not answer at {target.address} port {target.port}",
        why=why,
        hint=f"is it running? `hubctl create-node {target.pin.node}` finds it again and carries on",
        exit_code=Exit.UNREACHABLE,
    )
