"""What a deploy costs before the node is at work: modules imported here, and times the line is crossed."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from provision import keys
from provision.errors import Exit
from provision.inventory.packages import Extra, path_for, text_of
from provision.transport import hostkeys
from provision.transport.connect import connect
from provision.transport.hostkeys import Pin
from tests.support.ports import free_port

from .test_ssh import server  # noqa: F401  a fixture

ROOT = Path(__file__).parents[2]
INVENTORY = """\
fleet: lab
domain: lab.test
provider: digitalocean
operator: {email: ops@lab.test}
acme: {server: letsencrypt}
nodes:
  apis: {size: s-1vcpu-2gb, image: debian-13-x64, services: {task_api: {hostname: tasks}}}
"""
NOT_NEEDED = {
    "asyncio",
    "digitalocean",
    "dns",
    "fabric",
    "flask",
    "http.client",
    "importlib.metadata",
    "invoke",
    "packaging",
    "pyrage",
    "requests",
    "rich",
    "ssl",
    "unittest",
    "urllib.request",
    "waitress",
    "xml",
}
DEPLOY = """
import json, sys
sys.argv = ["hubctl", "deploy", "-i", sys.argv[1]]
from provision.cli import main
status = main()
print(json.dumps([status, sorted(sys.modules)]))
"""


def test_a_deploy_imports_what_it_needs_alone(tmp_path):
    """The node is out of reach, so this is the way up to the connection, with the plan made meanwhile."""
    inventory, key_file = tmp_path / "lab.yml", tmp_path / "config" / "keys" / "lab"
    said = "hostname: hub, users: [ann], packages: [numpy], requirements: class.txt"
    hub = f"{{hostname: tasks}}, jupyterhub: {{{said}}}"
    (tmp_path / "class.txt").write_text("flask>=3  # pages\n")
    inventory.write_text(INVENTORY.replace("{hostname: tasks}", hub))
    lock = "emoji==2.16.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    added = Extra(("emoji>=2",), lock, ("flask>=3", "numpy"))
    path_for(inventory, "apis").write_text(text_of("apis", added))
    key_file.parent.mkdir(parents=True)
    key_file.write_text(keys.make("operator").private)
    key_file.chmod(0o600)
    pin = Pin("apis", ("127.0.0.1",), "ssh-ed25519", keys.make("apis").public_base64, port=free_port())
    hostkeys.pin(inventory, pin)
    done = subprocess.run(
        [sys.executable, "-c", DEPLOY, str(inventory)],
        cwd=ROOT,
        env={**os.environ, "HUBCTL_CONFIG_DIR": str(tmp_path / "config"), "CI": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == Exit.UNREACHABLE
    assert {"paramiko", "jinja2", "provision.plan"} <= set(modules)
    assert not NOT_NEEDED & set(modules)


LINE = """
import json, sys
from pathlib import Path
import provision.actions.deploy, provision.actions.job
from provision.commands.options import load_fleet
from provision.transport.target import dial
load_fleet(Path(sys.argv[1]))
print(json.dumps(sorted(sys.modules)))
"""


def test_the_line_is_opened_before_paramiko_is_imported(tmp_path):
    """So sshd greets, and a long line is crossed, while Paramiko is imported."""
    inventory = tmp_path / "lab.yml"
    inventory.write_text(INVENTORY)
    done = subprocess.run(
        [sys.executable, "-c", LINE, str(inventory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = set(json.loads(done.stdout))
    assert "provision.transport.target" in modules
    assert not {"paramiko", "cryptography", "jinja2", "provision.services"} & modules


PAUSE, QUIET = 0.01, 20
"""Seconds between looks at this side, and at how many it is at rest before it is taken to wait for the other."""


def _at_rest():
    """Whether no other thread of this process runs, or would if a processor were free."""
    tasks, own = Path("/proc/self/task"), threading.get_native_id()
    states = set()
    with contextlib.suppress(FileNotFoundError):  # threads end
        for thread in tasks.iterdir():
            if int(thread.name) != own:
                states.add((thread / "stat").read_text().rpartition(") ")[2][0])
        return states <= {"S"}
    return False


class Line:
    """A line to a server that counts how often this side must wait for the other, whatever both say at once.

    It is so long that an answer comes only when this side has said all that it can say without it.
    """

    def __init__(self, port):
        self.turns = 0
        self._silent = 0
        self._last, self._lock = None, threading.Lock()
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        near, _ = self._listening.accept()
        far = socket.create_connection(("127.0.0.1", self._server))
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pump, args=(far, near, "back"), daemon=True).start()
        self._pump(near, far, "there")

    def _pump(self, source, sink, direction):
        with contextlib.suppress(OSError):  # either side may be gone at the end
            while data := source.recv(1 << 16):
                while direction == "back" and self._silent < QUIET:
                    time.sleep(PAUSE)
                    self._silent += _at_rest()
                with self._lock:
                    self._silent = 0 if direction == "there" else self._silent
                    self.turns += direction == "there" and self._last == "back"
                    self._last = direction
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_a_request_crosses_the_line_seven_times(server):  # noqa: F811
    """Key exchange (two), service, login, channel, program, request: whoever adds one adds 50 ms on a slow line."""
    line = Line(server.port)
    with connect(server.target(port=line.port)) as session:
        channel = session.channel()
        session.start(channel, ["head", "-c", "8"])
        channel.sendall(b"request\n")
        assert channel.makefile("rb").read() == b"request\n"
        turns = line.turns
    assert turns <= 7
