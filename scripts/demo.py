"""`make demo`: local cloud, one node, a deploy, and the example task's answer over verified HTTPS."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = ROOT / "inventories" / "demo.yml"
NODE, SERVICE = "apis", "task_api"
TASK = {
    "monomers": [["a", "b"], ["a*", "b*"], ["a*", ">mon1"], ["b*"]],
    "constraints": [["FREE", "mon1"]],
    "gen": 2,
    "init_k": 2,
}
TASK_SECONDS = 120


def main() -> int:
    """Run the demo; a second run finds everything in place."""
    if os.geteuid() != 0:
        return _as_root()
    subprocess.run([sys.executable, str(ROOT / "scripts" / "host_packages.py")], check=True)
    for words in (["local", "up"], ["create-node", NODE]):
        done = subprocess.run(
            [str(ROOT / ".venv/bin/hubctl"), *words, "--inventory", str(INVENTORY)], check=False
        )
        if done.returncode != 0:
            return done.returncode
    return _show()


def _as_root() -> int:
    if not shutil.which("sudo"):
        sys.exit("the local cloud makes machines, bridges and mounts: run make demo as root")
    print("the local cloud makes machines, bridges and mounts: asking sudo", flush=True)
    os.execvp("sudo", ["sudo", sys.executable, __file__])


def _show() -> int:
    from provision.actions.fleet import LoadedFleet
    from provision.cloud.connect import local_name
    from provision.cloud.local import lifecycle
    from provision.inventory.load import load
    from provision.output import Output

    loaded = LoadedFleet(load(INVENTORY), INVENTORY)
    fleet, output = loaded.fleet, Output.choose(json=False)
    service = fleet.nodes[NODE].services.task_api
    assert service is not None
    host, address = fleet.fqdn(service.hostname), loaded.target(NODE).address
    roots = lifecycle.find(local_name(fleet, INVENTORY)).acme_roots
    site = _Site(host, address, roots)
    with output.step("asking for the example task"):
        answer = site.solve(TASK)
    output.result(json.dumps(TASK))
    output.result(json.dumps(answer))
    output.table(
        "demo",
        ["node", "address", "service", "URL", "certificate until"],
        [[NODE, address, SERVICE, f"https://{host}/", site.expires()]],
    )
    output.result("try it by hand:")
    output.result(
        f"curl --resolve {host}:443:{address} --cacert {roots} "
        f"-H 'Content-Type: application/json' -d '{json.dumps(TASK)}' https://{host}/task"
    )
    output.result(
        "end it with: .venv/bin/hubctl local down --destroy   (without --destroy the machine's disk stays)"
    )
    return 0 if answer["status"] == "COMPLETE" and answer["entropy"] == 3 else 1


class _Site:
    """One HTTPS site at a known address, verified against the local CA's roots."""

    def __init__(self, host: str, address: str, roots: Path) -> None:
        self._host, self._address = host, address
        self._context = ssl.create_default_context(cafile=str(roots))

    def _dial(self) -> ssl.SSLSocket:
        return self._context.wrap_socket(
            socket.create_connection((self._address, 443), timeout=30), server_hostname=self._host
        )

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Send one request; return the status and the JSON of the answer."""
        connection = http.client.HTTPSConnection(self._host)
        connection.sock = self._dial()
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def solve(self, task: dict) -> dict:
        """Post a task and wait for its end."""
        status, accepted = self.ask("POST", "/task", task)
        if status != 202:
            sys.exit(f"the task was not accepted: {status} {accepted}")
        deadline = time.monotonic() + TASK_SECONDS
        while time.monotonic() < deadline:
            status, answer = self.ask("GET", f"/status/{accepted['task_id']}")
            if status not in (202, 203):
                return answer
            time.sleep(0.2)
        sys.exit(f"the task did not end within {TASK_SECONDS} s")

    def expires(self) -> str:
        """Return the day the certificate ends."""
        with self._dial() as connection:
            certificate = connection.getpeercert()
        until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return datetime.fromtimestamp(until, UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main())
