"""Ports for a test's own servers."""

from __future__ import annotations

import random
import socket

_OWN = range(20_000, 32_768)
"""The kernel gives none of these to connections, which would take one before its server does."""
_chance = random.SystemRandom()  # each process goes its own way through them


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    while True:
        port = _chance.choice(_OWN)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
