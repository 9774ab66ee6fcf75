"""Live pages are told what changed, at once, and go on where they lost the line."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any


class Page:
    """One open stream."""

    def __init__(self, dashboard: Any, user: str, query: str = "", **headers: str) -> None:
        self.response: http.client.HTTPResponse = dashboard.open(
            "GET", f"/events/stream{query}", user, **headers
        )
        assert self.response.status == 200, self.response.read()
        self.first = self.message()

    def message(self) -> dict[str, str]:
        """The next message that is no heartbeat."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return {}
            if line == "\n" and fields:
                return fields
            name, colon, value = line.strip().partition(": ")
            if colon and name:
                fields[name] = value

    def change(self) -> tuple[str, Any]:
        message = self.message()
        return message["event"], json.loads(message["data"])

    def close(self) -> None:
        self.response.close()


def test_a_page_hears_of_what_it_may_see(dashboard: Any) -> None:
    trainer, alice = Page(dashboard, "tess"), Page(dashboard, "alice")
    kept = [dashboard.post("bob").json, dashboard.post("alice").json]
    assert [trainer.change(), trainer.change()] == [("event", kept[0]), ("event", kept[1])]
    assert alice.change() == ("event", kept[1])


def test_a_page_goes_on_where_it_lost_the_line(dashboard: Any) -> None:
    page = Page(dashboard, "tess")
    dashboard.post("alice", "a.ipynb")
    last = page.message()["id"]
    page.close()
    for name in ("b.ipynb", "c.ipynb", "b.ipynb"):
        dashboard.post("alice", name)
    for again in (Page(dashboard, "tess", Last_Event_ID=last), Page(dashboard, "tess", f"?since={last}")):
        assert [again.change()[1]["filename"] for _ in range(2)] == ["c.ipynb", "b.ipynb"]


def test_hands_and_pauses_are_heard_of(dashboard: Any) -> None:
    page = Page(dashboard, "tess")
    dashboard.ask("POST", "/participants/alice", "alice", {"hand": True})
    kind, alice = page.change()
    assert (kind, alice["name"], alice["hand"] is not None) == ("participant", "alice", True)


def test_sixty_pages_are_live_and_saves_are_answered_meanwhile(dashboard: Any) -> None:
    pages = [Page(dashboard, "tess") for _ in range(60)]
    answers = [dashboard.post("alice", f"{number}.ipynb").status for number in range(20)]
    assert answers == [201] * 20
    heard = [[page.change()[1]["filename"] for _ in range(20)] for page in pages]
    assert heard == [[f"{number}.ipynb" for number in range(20)]] * 60


def test_too_many_pages_are_told_to_come_again_and_saves_go_on(make_dashboard: Any) -> None:
    dashboard = make_dashboard(limits={"streams": 2})
    pages = [Page(dashboard, "tess"), Page(dashboard, "tess")]
    refused = dashboard.ask("GET", "/events/stream", "tess")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert dashboard.post("alice").status == 201
    assert [page.change()[0] for page in pages] == ["event", "event"]


def test_open_pages_hold_up_no_release(dashboard: Any) -> None:
    pages = [Page(dashboard, "tess") for _ in range(5)]
    began = time.monotonic()
    dashboard.running[0].terminate()
    dashboard.running[0].wait(30)
    assert time.monotonic() - began < 15  # of the 20 seconds that answers under way are given
    assert [page.message() for page in pages] == [{}] * 5
