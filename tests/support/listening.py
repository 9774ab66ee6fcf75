"""The end of servers that tests have in threads of their own."""

from __future__ import annotations

import socket
import threading


def end(listener: socket.socket, taking: threading.Thread) -> None:
    """Have a thread take no more connections.

    A listener that is closed alone leaves its number to the next one, which a thread about to wait would serve.
    """
    listener.shutdown(socket.SHUT_RDWR)
    taking.join()
    listener.close()
