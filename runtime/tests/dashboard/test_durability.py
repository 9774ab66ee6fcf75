"""What was answered is kept, whatever is killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from pathlib import Path
from typing import Any


def kill(process: Any) -> None:
    """Kill a process and those it made, as the end of a unit does."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def test_no_event_is_lost_over_a_kill(dashboard: Any) -> None:
    told: list[str] = []
    enough, killed = threading.Event(), threading.Event()

    def tell() -> None:
        for number in range(100_000):
            try:
                if dashboard.post("alice", f"{number}.ipynb").status == 201:
                    told.append(f"{number}.ipynb")
            except (OSError, http.client.HTTPException):
                return
            if len(told) >= 25:
                enough.set()
            if killed.is_set():
                return

    teller = threading.Thread(target=tell)
    dashboard.hub.token("alice")
    teller.start()
    assert enough.wait(60)
    kill(dashboard.running[0])
    killed.set()
    teller.join(60)
    dashboard.start_web()
    kept = [each["filename"] for each in dashboard.ask("GET", "/events", "alice").json]
    assert set(told) <= set(kept)
    assert len(kept) - len(told) in (0, 1)  # the one whose answer did not arrive
    position = int(dashboard.ask("GET", "/events", "alice").headers["Events-Position"])
    assert position == len(kept)
