"""A class that saves all the time: nobody's save waits for the dashboard, and nothing is lost when it is killed."""

import datetime
import itertools
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.hub import NODE, User, add_user
from tests.support.waiting import eventually

pytestmark = pytest.mark.nodes

CLASS = "{jupyterhub: {hostname: hub}, dashboard: {}}"
BASE = "/services/dashboard"
PASSWORD = "quite-a-long-one"
EVERY = 5.0
"""Seconds between two saves of somebody."""
AT_ONCE = 4
"""Servers that are started at a time."""
LATE, MORE = 10.0, 0.1
"""Seconds: how far summaries may be behind, and how much longer a save may take than without the dashboard."""
TELLS_NOBODY = "c.FileContentsManager.post_save_hook = None\n"


@pytest.fixture(scope="module")
def fleet(make_fleet, hub_image):
    fleet = make_fleet({NODE: CLASS}, image=hub_image)
    fleet.done("create-node", NODE)
    add_user(fleet, NODE, "tess", PASSWORD, admin=True)
    yield fleet
    fleet.done("destroy-node", NODE, "--yes")


class Class:
    """Learners with servers of their own, some of whom tell the dashboard nothing, and a trainer who watches."""

    def __init__(self, fleet, people, others, turns):
        self.people = [f"learner{number}" for number in range(people)]
        self.others = [f"other{number}" for number in range(others)]
        self.turns = turns
        self.took = {"tells": [], "tells nobody": []}
        self.late = []
        self.saved = {}
        self.ended = threading.Event()
        self.half = threading.Event()
        self._fleet = fleet
        self._enrol()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.users = list(pool.map(self._ready, [*self.people, *self.others]))
        self.tess = self._logged_in("tess")

    def _enrol(self):
        names = [*self.people, *self.others]
        file = self._fleet.folder / "class.csv"
        file.write_text("".join(f"{name},,no\n" for name in names))
        self._fleet.done("users", "import", str(file), "--node", NODE)
        self._fleet.ssh(NODE, "chpasswd", stdin="".join(f"{name}:{PASSWORD}\n" for name in names))
        own = "install -D -o $u -g $u /dev/stdin /home/$u/.jupyter/jupyter_server_config.py"
        for name in self.others:
            self._fleet.shell(NODE, own.replace("$u", name), stdin=TELLS_NOBODY)

    def _logged_in(self, name):
        user = User(self._fleet.site(NODE, "hub"), name, PASSWORD)
        assert "/hub/home" in user.log_in().url
        return user

    def _ready(self, name):
        user = self._logged_in(name)
        user.start()
        assert user.at_server("GET", "/api/contents").status_code == 200
        return user

    def run(self, at_half):
        """Have everybody save until the end; do that at half of it."""
        learners = [threading.Thread(target=self._learn, args=each) for each in enumerate(self.users)]
        watcher = threading.Thread(target=self._watch)
        for thread in (watcher, *learners):
            thread.start()
        assert self.half.wait(self.turns * EVERY * 2 + 60)
        at_half()
        for thread in learners:
            thread.join()
        try:
            eventually(self.is_known, what="every save")
        finally:
            self.ended.set()
            watcher.join()

    def _learn(self, number, user):
        took = self.took["tells" if user.name in self.people else "tells nobody"]
        self.ended.wait(number * EVERY / len(self.users))
        for turn in range(self.turns):
            began = time.monotonic()
            # Around the kill each save is a notebook of its own, so that none can stand for another.
            near = abs(turn - self.turns // 2) <= 1
            self._save(user, f"turn{turn}.ipynb" if near else "day1.ipynb", f"turn {turn}")
            took.append(time.monotonic() - began)
            if turn == self.turns // 2:
                self.half.set()
            self.ended.wait(max(0.0, began + EVERY - time.monotonic()))

    def _save(self, user, filename, text):
        body = {"type": "notebook", "content": notebook(text)}
        answer = user.at_server("PUT", f"/api/contents/{filename}", body)
        assert answer.status_code in (200, 201), answer.text
        if user.name in self.people:
            self.saved[user.name, filename] = text

    def _watch(self):
        """Note how far summaries are behind; a line that is lost is opened again, as a browser does."""
        position = 0
        while not self.ended.is_set():
            try:
                for kind, identifier, body in self._messages(position):
                    position = identifier
                    if kind == "summary":
                        saved = datetime.datetime.fromisoformat(body["saved"])
                        self.late.append((datetime.datetime.now(datetime.UTC) - saved).total_seconds())
                    if self.ended.is_set():
                        return
            except requests.RequestException:
                self.ended.wait(0.5)

    def _messages(self, since):
        path = f"{BASE}/events/stream?since={since}"
        with self.tess.ask("GET", path, headers=self.tess.headers, stream=True) as answer:
            answer.raise_for_status()
            message = {}
            for line in answer.iter_lines(chunk_size=None):
                if line:
                    name, _, value = line.decode().partition(": ")
                    message[name] = value
                    continue
                since = int(message.get("id", since))
                yield message.get("event"), since, json.loads(message.get("data") or "{}")
                message = {}

    def is_known(self):
        """Whether the dashboard has every save, each rendered as it was last."""
        shown = {}
        for filename in {filename for _, filename in self.saved}:
            for each in self._asked(f"/summaries?filename={filename}"):
                shown[each["user"], filename] = each["cells"][-1]["source"]
        told = {(each["user"], each["filename"]) for each in self._asked("/events?type=save-notebook")}
        return told == set(self.saved) and shown == self.saved

    def _asked(self, path):
        answer = self.tess.ask("GET", f"{BASE}{path}", headers=self.tess.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def memory(self):
        """The megabytes that each server takes, shared pages by their share."""
        script = (
            "for each in $(pgrep -f jupyterhub-singleuser); do grep -m1 ^Pss: /proc/$each/smaps_rollup; done"
        )
        found = [int(line.split()[1]) / 1024 for line in self._fleet.shell(NODE, script).splitlines()]
        assert len(found) >= len(self.users)
        return statistics.median(found)


def notebook(text):
    """A notebook of thirty cells with outputs; the last one says this."""
    output = {"output_type": "stream", "name": "stdout", "text": "a line of text\n" * 40}
    sources = itertools.chain((f"cell {number}" for number in range(29)), [text])
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [output]}
    cells = [{**cell, "source": source} for source in sources]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def p95(seconds):
    return sorted(seconds)[int(len(seconds) * 0.95)]


@pytest.mark.soak(short=3, full=40)
def test_a_class_saves_all_the_time(fleet, times, request, record_property):
    room = Class(fleet, people=times, others=max(2, times // 5), turns=times * 3 // 2)
    kill = "systemctl kill -s KILL 'dashboard@*'"
    room.run(at_half=lambda: fleet.shell(NODE, kill))
    with_it, without = p95(room.took["tells"]), p95(room.took["tells nobody"])
    record_property("people", times)
    record_property("saves", len(room.took["tells"]))
    record_property("a save, p95", f"{with_it * 1000:.0f} ms")
    record_property("a save without the dashboard, p95", f"{without * 1000:.0f} ms")
    record_property("a summary, p95", f"{p95(room.late):.1f} s")
    record_property("a summary, at the latest", f"{max(room.late):.1f} s")
    record_property("memory of a server", f"{room.memory():.0f} MB")
    if request.config.getoption("--soak"):
        assert with_it - without <= MORE
        assert max(room.late) <= LATE
