"""A line to a node's sshd that can be trusted as little as any: it cuts, stalls, flips bits and delays."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

from provision.transport import hostkeys
from tests.support.fleet import Fleet
from tests.support.listening import end

_DELAY = 0.1
_AT_ONCE = struct.pack("ii", 1, 0)  # closed by a reset

Way = Literal["there", "back"]


class Fault(NamedTuple):
    """What happens to a line, on which way, after so many bytes."""

    kind: Literal["cut", "stall", "flip", "delay"]
    way: Way
    at: int


class Line:
    """A line, through a port of loopback.

    Args:
        address: of the node.
        port: of its sshd.
    """

    def __init__(self, address: str, port: int = 22) -> None:
        self._far = (address, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listening.getsockname()[1])
        self.fault: Fault | None = None
        self.carried = {"there": 0, "back": 0}
        """Bytes of the latest connection."""
        self._taking = threading.Thread(target=self._serve, daemon=True)
        self._taking.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._far)
                self._open += [near, far]
                self.carried = {"there": 0, "back": 0}
                ways: tuple[tuple[Way, socket.socket, socket.socket], ...] = (
                    ("there", near, far),
                    ("back", far, near),
                )
                for way, source, sink in ways:
                    threading.Thread(target=self._pump, args=(way, source, sink), daemon=True).start()

    def _pump(self, way: Way, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                before, self.carried[way] = self.carried[way], self.carried[way] + len(data)
                if self.fault and self.fault.way == way and self.carried[way] > self.fault.at:
                    data = self._spoiled(data, max(0, self.fault.at - before), before <= self.fault.at, sink)
                    if not data:
                        return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _spoiled(self, data: bytes, at: int, first: bool, sink: socket.socket) -> bytes:
        """Return what goes on of some bytes; nothing where nothing ever will."""
        assert self.fault is not None
        if self.fault.kind == "delay":
            time.sleep(_DELAY)
            return data
        if self.fault.kind == "flip":
            return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] if first else data
        sink.sendall(data[:at])
        if self.fault.kind == "cut":
            self.drop()
        return b""

    def drop(self) -> None:
        """Reset all connections."""
        while self._open:
            end = self._open.pop()
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self) -> None:
        """End it."""
        end(self._listening, self._taking)
        self.drop()


@contextlib.contextmanager
def line_to(fleet: Fleet, node: str) -> Iterator[Line]:
    """Have hubctl reach a node through such a line, for the time of a `with` block."""
    pin = hostkeys.read(fleet.inventory)[node]
    line = Line(pin.addresses[0])
    hostkeys.pin(fleet.inventory, dataclasses.replace(pin, addresses=("127.0.0.1",), port=line.port))
    try:
        yield line
    finally:
        hostkeys.pin(fleet.inventory, pin)
        line.close()
