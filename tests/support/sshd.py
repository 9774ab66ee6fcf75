"""An sshd of a test's own, on loopback: a real one, or one that runs another program whatever it is asked to run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provision import keys
from provision.transport.hostkeys import Pin
from provision.transport.target import Target
from tests.support.ports import free_port
from tests.support.waiting import eventually

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read."""
    path.write_text(text)
    path.chmod(0o600)


class Server:
    """An sshd.

    Args:
        folder: where its files are.
        programs: Python programs by name. Each has a port of its own (`ports`), where it is run whatever is asked for.
        operator: the public key that may log in, in place of one made for it (`key_file`).
    """

    def __init__(self, folder: Path, programs: Mapping[str, str] = {}, operator: str = "") -> None:
        self.host_key, made = keys.make("host"), keys.make("operator")
        self.port = free_port()
        self.ports = {name: free_port() for name in programs}
        self.key_file = folder / "operator"
        write_private(folder / "host", self.host_key.private)
        write_private(self.key_file, made.private)
        write_private(folder / "authorized", (operator or made.public) + "\n")
        own = ""
        for name, text in programs.items():
            (folder / f"{name}.py").write_text(text)
            program = f"{sys.executable} -I -S {folder}/{name}.py"
            own += f"Match LocalPort {self.ports[name]}\nForceCommand {program}\n"
        listening = "".join(f"Port {port}\n" for port in (self.port, *self.ports.values()))
        config = folder / "sshd_config"
        config.write_text(
            f"{listening}ListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nPasswordAuthentication no\n"
            f"UsePAM no\nPermitRootLogin prohibit-password\nMaxStartups 100\n{own}"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        eventually(self._answers, pause=0.05, what="sshd")

    def _answers(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def pin(self, name: str) -> Pin:
        """Return what pins the sshd as a node, on the port of its program where it has one."""
        port = self.ports.get(name, self.port)
        return Pin(name, ("127.0.0.1",), "ssh-ed25519", self.host_key.public_base64, port=port)

    def target(self, **changes: Any) -> Target:
        """Return the sshd as the node `apis`."""
        key = changes.pop("key", self.host_key.public_base64)
        pin = Pin("apis", ("127.0.0.1",), "ssh-ed25519", key, port=changes.pop("port", self.port))
        return Target(pin, changes.pop("key_file", self.key_file), **changes)
