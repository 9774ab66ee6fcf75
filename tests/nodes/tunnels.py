"""What tests of tunnels do on the nodes: look for keys, knock with other keys, listen on the wire, keep asking."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import threading
import time

from provision.inventory.load import load
from provision.secrets.store import SecretStore
from provision.transport import hostkeys
from tests.nodes.fleet import Fleet

TUNNEL = "tunnels:\n  dti: {{from: front, to: gpu, service: task_api, listen: 8080{address}}}\n"
ECHO = "  echo: {from: [front, stranger], to: gpu, port: 7000, listen: 9000}\n"
NODES = {
    "front": "proxy: {hostname: demos, tunnel: dti, timeout: 90, max_body_mb: 3}",
    "gpu": "task_api: {workers: 1, operator_token: true}",
    "stranger": "{}",
}

# $1 an address, $2 a port, $3 seconds: prints what a request for /health gives, as JSON.
ASK = """
import json, socket, sys
host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
received = b""
try:
    with socket.create_connection((host, port), timeout=seconds) as sock:
        sock.sendall(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        while data := sock.recv(65536):
            received += data
    problem = ""
except OSError as error:
    problem = type(error).__name__
print(json.dumps({"problem": problem, "received": received.decode("latin-1")}))
"""

# $1 an address, then ports: prints those that accept a connection within a second.
OPEN = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def accepts(port):
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((sys.argv[1], int(port))) == 0
with ThreadPoolExecutor(16) as pool:
    print(*(port for port, yes in zip(sys.argv[2:], pool.map(accepts, sys.argv[2:])) if yes))
"""

# Reads a key on stdin and knocks with it at $1 port $2, as a tunnel's near end does.
KNOCK = (
    """
import pathlib, subprocess, tempfile, time
with tempfile.TemporaryDirectory(dir="/run") as folder:
    key = pathlib.Path(folder) / "key"
    key.write_text(sys.stdin.read())
    target = f"[{sys.argv[1]}]:{sys.argv[2]}"
    argv = ["/usr/bin/spiped", "-F", "-e", "-g", "-s", "[127.9.9.9]:9", "-t", target, "-k", str(key)]
    process = subprocess.Popen(argv)
    try:
        for _ in range(100):
            if socket.socket().connect_ex(("127.9.9.9", 9)) == 0:
                break
            time.sleep(0.05)
        sys.argv[1:] = ["127.9.9.9", "9", "8"]
        exec(ASK)
    finally:
        process.kill()
        process.wait()
"""
).replace("exec(ASK)", "exec(compile(ASK, 'ask', 'exec'))")


def ask(fleet: Fleet, node: str, host: str, port: int, *, seconds: float = 8) -> dict[str, str]:
    """Ask for /health from a node; return the problem and what was received."""
    return json.loads(fleet.ssh(node, "python3", "-c", ASK, host, str(port), str(seconds)))


def open_ports(fleet: Fleet, node: str, address: str, *ports: int) -> list[int]:
    """Return the ports at an address that a node can connect to."""
    found = fleet.ssh(node, "python3", "-c", OPEN, address, *map(str, ports))
    return [int(port) for port in found.split()]


def knock(fleet: Fleet, node: str, key: str, host: str, port: int) -> str:
    """Return what comes back through a tunnel's port when it is entered with this key."""
    program = f"import socket, sys\nASK = {ASK!r}\n{KNOCK}"
    return json.loads(fleet.ssh(node, "python3", "-c", program, host, str(port), stdin=key))["received"]


def generations(fleet: Fleet, name: str = "tunnel/dti") -> dict[int, tuple[str, str]]:
    """Return a secret's generations: number → status and value."""
    os.environ["HUBCTL_CONFIG_DIR"], before = (
        fleet.environment["HUBCTL_CONFIG_DIR"],
        os.environ.get("HUBCTL_CONFIG_DIR"),
    )
    try:
        document = SecretStore(load(fleet.inventory), fleet.inventory).read()
    finally:
        if before is None:
            del os.environ["HUBCTL_CONFIG_DIR"]
        else:
            os.environ["HUBCTL_CONFIG_DIR"] = before
    return {
        item.number: (item.status, item.value.reveal() if item.value else "")
        for item in document.generations(name)
    }


def current_key(fleet: Fleet, name: str = "tunnel/dti") -> str:
    """Return the value in use."""
    (value,) = (value for status, value in generations(fleet, name).values() if status == "current")
    return value


def port_of(generation: int) -> int:
    """Return the far end's port for a generation."""
    return 8080 + (generation - 1) % 2


def files_with(fleet: Fleet, node: str, text: str, folders: str = "/") -> set[str]:
    """Return the files of a node, on disk or in memory, that hold a text, or one of the lines of it."""
    search = f"LC_ALL=C grep -rlsF -f - {folders} --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev"
    found = fleet.ssh(node, "sh", "-c", search, stdin=text, check=False)
    return set(found.splitlines())


def said_by(fleet: Fleet, node: str) -> str:
    """Return all that a node's journal and process list show."""
    return fleet.ssh(
        node, "sh", "-c", "journalctl --no-pager -o cat; ps -eo args; cat /proc/*/environ | tr '\\0' ' '"
    )


class Load:
    """Constant requests from several sides, each on a connection of its own."""

    def __init__(self, site, *, threads: int = 4, pause: float = 0.02) -> None:
        self.failures: list[object] = []
        self.seconds: list[float] = []
        self._site, self._pause = site, pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                status, _ = self._site.ask_raw("GET", "/status/none", seconds=20)
            except OSError as error:
                status = repr(error)
            self.seconds.append(time.monotonic() - started)
            if status != 404:
                self.failures.append(status)
            time.sleep(self._pause)

    def quantile(self, part: float) -> float:
        """Return the time within which this part of the requests was answered."""
        return sorted(self.seconds)[int(part * (len(self.seconds) - 1))]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Wire:
    """Everything this computer carries between two nodes while a `with` block runs."""

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
                frame = self._socket.recv(65536)
            except TimeoutError:
                continue
            if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
                continue
            if {frame[26:30], frame[30:34]} != self._between:
                continue
            tcp = 14 + 4 * (frame[14] & 15)
            ports = struct.unpack("!HH", frame[tcp : tcp + 4])
            data = frame[tcp + 4 * (frame[tcp + 12] >> 4) : 14 + struct.unpack("!H", frame[16:18])[0]]
            for port in ports:
                self.payload[port] = self.payload.get(port, b"") + data

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.3)
        self._stop.set()
        self._thread.join()
        self._socket.close()


def killed_at(fleet: Fleet, marker, *words: str) -> bool:
    """Run a command with --json and kill it when an event fits; return whether one did."""
    process = fleet.start(*words, "--json")
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if marker(json.loads(line)):
                process.kill()
                return True
        return False
    finally:
        process.kill()
        process.communicate()


def boot_time(fleet: Fleet, node: str) -> str:
    """Return what is different after a reboot; empty while the node is down."""
    return fleet.ssh(node, "systemctl", "show", "--property=UserspaceTimestampMonotonic", check=False)


def restarted(fleet: Fleet, *nodes: str) -> None:
    """Reboot nodes and wait until they are back."""
    before = {node: boot_time(fleet, node) for node in nodes}
    for node in nodes:
        fleet.ssh(node, "systemctl", "reboot", check=False)
    deadline = time.monotonic() + 120
    while before:
        assert time.monotonic() < deadline, f"{', '.join(before)} did not come back"
        for node, former in list(before.items()):
            if boot_time(fleet, node) not in ("", former):
                del before[node]
        time.sleep(0.3)


def login(fleet: Fleet, node: str, key) -> int:
    """Log in by OpenSSH with a private key; return its exit status."""
    options = [
        *("-o", f"UserKnownHostsFile={hostkeys.path_for(fleet.inventory)}", "-o", "BatchMode=yes"),
        *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "KexAlgorithms=curve25519-sha256"),
    ]
    argv = ["ssh", *options, "-i", str(key), f"root@{fleet.address(node)}", "true"]
    return subprocess.run(argv, capture_output=True, check=False).returncode
