"""What can be reached, from where, and what passes on the wire."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time

from tests.support.fleet import Fleet
from tests.support.on_node.open_ports import accepts


def open_ports(address: str, *ports: int) -> list[int]:
    """Return the ports at an address that this computer can connect to."""
    return [port for port in ports if accepts(address, port)]


def open_ports_from(fleet: Fleet, node: str, address: str, *ports: int) -> list[int]:
    """Return the ports at an address that a node can connect to."""
    return [int(port) for port in fleet.python(node, "open_ports", address, *ports).split()]


def ask_from(fleet: Fleet, node: str, host: str, port: int, *, seconds: float = 30) -> str:
    """Ask for /health from a node; return all that was received."""
    return json.loads(fleet.python(node, "ask", host, port, seconds))["received"]


def knock(fleet: Fleet, node: str, key: str, host: str, port: int) -> str:
    """Ask for /health from a node through a tunnel's far end with a key; return all that was received."""
    return json.loads(fleet.python(node, "ask", host, port, 30, "--through-key", stdin=key))["received"]


class Wire:
    """Everything this computer carries between two nodes while a `with` block runs: bytes by port."""

    def __init__(self, *addresses: str) -> None:
        self._between = {socket.inet_aton(address) for address in addresses}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self.payload: dict[int, bytes] = {}

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._note(self._socket.recv(65536))
            except TimeoutError:
                continue

    def _note(self, frame: bytes) -> None:
        if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
            return
        if {frame[26:30], frame[30:34]} != self._between:
            return
        tcp = 14 + 4 * (frame[14] & 15)
        end = 14 + struct.unpack("!H", frame[16:18])[0]
        data = frame[tcp + 4 * (frame[tcp + 12] >> 4) : end]
        for port in struct.unpack("!HH", frame[tcp : tcp + 4]):
            self.payload[port] = self.payload.get(port, b"") + data

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.3)  # what was sent last is still to be read
        self._stop.set()
        self._thread.join()
        self._socket.close()
