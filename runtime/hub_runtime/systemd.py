"""What a service says to systemd, and the sockets it is given."""

from __future__ import annotations

import os
import socket


def notify(state: str, address: str | None = None) -> None:
    """Send one state (``READY=1``, ``STATUS=…``) to the service manager; without one, do nothing.

    Args:
        state: assignments, one a line, as sd_notify(3) lists them.
        address: the manager's socket; taken from the environment where it is not given.
    """
    address = address or os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError:
            return


def listen_names() -> list[str]:
    """Names of the sockets passed by socket activation, in the order of their descriptors."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = [name for name in os.environ.get("LISTEN_FDNAMES", "").split(":") if name]
    return (names + ["unknown"] * count)[:count]
