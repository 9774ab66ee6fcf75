"""A class of forty saves all the time: its trainer sees everything within seconds, and nobody waits."""

from __future__ import annotations

import datetime
import json
import threading
import time
from typing import Any

PEOPLE, EVERY, SECONDS = 40, 5.0, 20.0
LATE = 30.0
"""Seconds after a save within which its summary is there."""


def notebook(cells: int, text: str) -> dict[str, Any]:
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1}
    output = {"output_type": "stream", "name": "stdout", "text": "a line of text\n" * 40}
    made = [{**code, "id": f"c{number}", "source": text, "outputs": [output]} for number in range(cells)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}


class Class:
    """Forty people who save, and a trainer who watches."""

    def __init__(self, dashboard: Any) -> None:
        self.dashboard = dashboard
        self.took: list[float] = []
        self.late: list[float] = []
        self.ended = threading.Event()

    def learn(self, number: int, name: str) -> None:
        self.ended.wait(number * EVERY / PEOPLE)
        for turn in range(int(SECONDS / EVERY)):
            self.dashboard.write(name, "day1.ipynb", notebook(30, f"turn {turn}"))
            now = datetime.datetime.now(datetime.UTC).isoformat()
            began = time.monotonic()
            assert self.dashboard.post(name, timestamp=now).status == 201
            self.took.append(time.monotonic() - began)
            self.ended.wait(EVERY)

    def watch(self) -> None:
        kind = b""
        for line in self.dashboard.open("GET", "/events/stream?since=0", "tess"):
            if line.startswith(b"event: "):
                kind = line
            elif line.startswith(b"data: ") and kind == b"event: summary\n":
                saved = datetime.datetime.fromisoformat(json.loads(line[6:])["saved"])
                self.late.append((datetime.datetime.now(datetime.UTC) - saved).total_seconds())
            if self.ended.is_set():
                return

    def everybody_is_up_to_date(self) -> bool:
        """Whether each copy shows its last save."""
        summaries = self.dashboard.ask("GET", "/summaries?filename=day1.ipynb", "tess").json
        wanted = f"turn {int(SECONDS / EVERY) - 1}"
        return sum(each["cells"][-1]["source"] == wanted for each in summaries) == PEOPLE


def test_forty_people_save_every_five_seconds(make_dashboard: Any, record_property: Any) -> None:
    room = Class(make_dashboard(worker=True))
    names = [f"user{number:02}" for number in range(PEOPLE)]
    for name in names:
        room.dashboard.hub.token(name)
    watcher = threading.Thread(target=room.watch)
    learners = [threading.Thread(target=room.learn, args=one) for one in enumerate(names)]
    for thread in (watcher, *learners):
        thread.start()
    for learner in learners:
        learner.join()
    deadline = time.monotonic() + LATE
    while not room.everybody_is_up_to_date():
        assert time.monotonic() < deadline
        room.ended.wait(0.2)
    room.ended.set()
    room.dashboard.post("user00", "the-end.ipynb")
    watcher.join(30)
    record_property("a save is taken, p95", f"{sorted(room.took)[int(len(room.took) * 0.95)] * 1000:.0f} ms")
    record_property("a summary comes, at the latest", f"{max(room.late):.1f} s")
    assert max(room.late) <= LATE
