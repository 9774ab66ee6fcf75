"""A save is answered at once, whatever becomes of the dashboard, and is told of all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from hub_runtime.dashboard import hook
from runtime.tests.conftest import wait_until

PROGRAM = """
import json, sys, time
import hook
for line in sys.stdin:
    began = time.perf_counter()
    if line.strip():
        hook.saved(model={"type": "notebook"}, os_path=line.strip(), contents_manager=None)
    else:
        hook.started()
    print(json.dumps(time.perf_counter() - began), flush=True)
"""


class Server:
    """Stands for a user's server: Python that has the hook's one file and nothing else of the hub."""

    def __init__(self, folder: Path, home: Path, address: str, token: str) -> None:
        (folder / "hook.py").write_bytes(Path(hook.__file__).read_bytes())
        environment = {"HOME": str(home), "JUPYTERHUB_USER": "alice", "JUPYTERHUB_API_TOKEN": token}
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", PROGRAM],
            cwd=folder,
            env={**environment, "HUB_EVENTS": address, "http_proxy": "http://127.0.0.1:9"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def save(self, path: str) -> float:
        """Seconds that the hook took."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def events(dashboard: Any) -> list[str]:
    return [each["filename"] for each in dashboard.ask("GET", "/events", "alice").json]


def test_saves_are_told_of_over_a_kill_and_never_waited_for(dashboard: Any, front: Any) -> None:
    server = Server(dashboard.folder, dashboard.homes / "alice", front.address, dashboard.hub.token("alice"))
    took = [server.save(f"{dashboard.homes}/alice/one.ipynb")]
    wait_until(lambda: events(dashboard) == ["one.ipynb"])
    dashboard.running[0].send_signal(signal.SIGKILL)
    dashboard.running[0].wait()
    took += [server.save(f"{dashboard.homes}/alice/{name}.ipynb") for name in ("two", "three", "two")]
    dashboard.start_web()
    wait_until(lambda: sorted(events(dashboard)) == ["one.ipynb", "three.ipynb", "two.ipynb"])
    server.end()
    assert max(took) < 5


def test_a_server_that_ends_still_tells_of_its_last_save(dashboard: Any, front: Any) -> None:
    server = Server(dashboard.folder, dashboard.homes / "alice", front.address, dashboard.hub.token("alice"))
    server.save(f"{dashboard.homes}/alice/last.ipynb")
    server.end()
    assert events(dashboard) == ["last.ipynb"]


def test_a_server_that_starts_is_somebody_in_the_class(dashboard: Any, front: Any) -> None:
    server = Server(dashboard.folder, dashboard.homes / "alice", front.address, dashboard.hub.token("alice"))
    server.save("")
    wait_until(lambda: dashboard.ask("GET", "/participants", "tess").json)
    (alice,) = dashboard.ask("GET", "/participants", "tess").json
    assert (alice["name"], alice["active"], alice["notebooks"]) == ("alice", False, [])
    server.end()


def test_nothing_that_goes_wrong_reaches_the_save(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    monkeypatch.setenv("HUB_EVENTS", "nonsense")
    for model in ({"type": "notebook"}, {"type": "file"}, {}, None):
        hook.saved(model=model, os_path=str(tmp_path / "x.ipynb"), contents_manager=None)


def test_what_waits_is_bounded_and_the_latest_of_each_notebook(monkeypatch: Any) -> None:
    teller = hook.Teller("http://127.0.0.1:9/", "token")
    monkeypatch.setattr(teller, "_run", lambda: None)
    for number in [*range(hook.MOST + 50), 100]:
        teller.tell({"path": str(number), "filename": "x"})
    waiting = list(teller._waiting)
    assert len(waiting) == hook.MOST
    assert (waiting[0], waiting[-1]) == ("50", "100")
