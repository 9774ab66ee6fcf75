"""``/events`` is what PipalHub documented, kept on the disk, and open to whom it concerns."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import quote

ALICE = {
    "type": "test-event",
    "user": "alice",
    "filename": "module1-day1.ipynb",
    "path": "/home/alice/module1-day1.ipynb",
    "timestamp": "2022-11-14T16:00:00.511Z",
}
BOB = {
    **ALICE,
    "user": "bob",
    "path": "/home/bob/module1-day1.ipynb",
    "timestamp": "2022-11-15T16:00:00.511Z",
}
ALICE_KEPT = b"""{"id":1,"type":"test-event","user":"alice","filename":"module1-day1.ipynb",\
"path":"/home/alice/module1-day1.ipynb","timestamp":"2022-11-14T16:00:00.511000+00:00"}"""
BOB_KEPT = b"""{"id":2,"type":"test-event","user":"bob","filename":"module1-day1.ipynb",\
"path":"/home/bob/module1-day1.ipynb","timestamp":"2022-11-15T16:00:00.511000+00:00"}"""


def test_the_examples_of_the_documentation_are_answered_byte_for_byte(dashboard: Any) -> None:
    created = dashboard.ask("POST", "/events", "alice", ALICE)
    assert (created.status, created.body) == (201, ALICE_KEPT)
    assert dashboard.ask("POST", "/events", "bob", BOB).body == BOB_KEPT
    listed = dashboard.ask("GET", "/events", "ada")
    assert (listed.status, listed.body) == (200, b"[" + ALICE_KEPT + b"," + BOB_KEPT + b"]")
    assert listed.headers["Content-Type"] == "application/json"
    assert dashboard.ask("GET", "/events?user=alice", "ada").body == b"[" + ALICE_KEPT + b"]"


def test_the_same_type_user_and_path_keep_the_id_and_the_place(dashboard: Any) -> None:
    for sent in (ALICE, {**ALICE, "type": "other"}, {**ALICE, "filename": "renamed.ipynb"}):
        dashboard.ask("POST", "/events", "alice", sent)
    listed = dashboard.ask("GET", "/events", "alice").json
    assert [(each["id"], each["type"], each["filename"]) for each in listed] == [
        (1, "test-event", "renamed.ipynb"),
        (2, "other", "module1-day1.ipynb"),
    ]


def test_an_event_without_a_timestamp_happened_now(dashboard: Any) -> None:
    before = datetime.datetime.now(datetime.UTC)
    kept = dashboard.post("alice").json["timestamp"]
    assert before <= datetime.datetime.fromisoformat(kept) <= datetime.datetime.now(datetime.UTC)


MOMENTS = [
    ("2022-11-14T16:00:00", "2022-11-14T16:00:00"),
    ("2022-11-14T16:00:00Z", "2022-11-14T16:00:00+00:00"),
    ("2022-11-14T16:00:00+01:00", "2022-11-14T16:00:00+01:00"),
    (1668441600, "2022-11-14T16:00:00+00:00"),
    (1668441600511, "2022-11-14T16:00:00.511000+00:00"),
]


def test_timestamps_are_kept_as_the_original_kept_them(dashboard: Any) -> None:
    kept = [dashboard.post("alice", timestamp=sent).json["timestamp"] for sent, _ in MOMENTS]
    assert kept == [expected for _, expected in MOMENTS]


def test_every_field_is_a_filter(dashboard: Any) -> None:
    kept = dashboard.ask("POST", "/events", "alice", ALICE).json
    dashboard.ask("POST", "/events", "alice", {**ALICE, "type": "other", "path": "/x", "timestamp": None})
    for field, value in kept.items():
        if field not in ("user", "filename"):
            found = dashboard.ask("GET", f"/events?{field}={quote(str(value))}", "alice").json
            assert found == [kept], field
    assert dashboard.ask("GET", f"/events?timestamp={kept['timestamp']}", "alice").json == [kept]
    assert dashboard.ask("GET", "/events?id=1&type=other", "alice").json == []


def test_an_unknown_filter_is_refused_with_the_known_ones(dashboard: Any) -> None:
    refused = dashboard.ask("GET", "/events?usr=alice", "alice")
    assert refused.status == 400
    assert refused.json["message"] == (
        "unknown filter usr; known are id, type, user, filename, path, timestamp and since"
    )


NO_EVENTS = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"\xff",
    b'{"type": "x"}',
    b'{"type": 1, "user": "alice", "filename": "", "path": ""}',
    b'{"type": "x", "user": "alice", "filename": "", "path": "", "timestamp": "yesterday"}',
    b'{"type": "x", "user": "alice", "filename": "", "path": "", "timestamp": 1e300}',
    b'{"type": "' + b"x" * 300 + b'", "user": "alice", "filename": "", "path": ""}',
    b"[" * 20_000,
]


def test_what_is_no_event_is_refused(dashboard: Any) -> None:
    for sent in NO_EVENTS:
        assert dashboard.ask("POST", "/events", "alice", sent).status == 400, sent
    assert dashboard.ask("GET", "/events", "alice").json == []


def test_too_large_an_event_is_refused(dashboard: Any) -> None:
    assert dashboard.ask("POST", "/events", "alice", b" " * 40_000).status == 413


def test_since_leaves_out_what_was_known(dashboard: Any) -> None:
    dashboard.post("alice", "a.ipynb")
    position = dashboard.ask("GET", "/events", "alice").headers["Events-Position"]
    assert dashboard.ask("GET", f"/events?since={position}", "alice").json == []
    dashboard.post("alice", "b.ipynb")
    dashboard.post("alice", "a.ipynb")
    later = dashboard.ask("GET", f"/events?since={position}", "alice")
    assert [each["filename"] for each in later.json] == ["a.ipynb", "b.ipynb"]
    assert dashboard.ask("GET", "/events?since=-1", "alice").status == 400


def test_the_oldest_events_go_first_of_one_user_and_of_all(make_dashboard: Any) -> None:
    dashboard = make_dashboard(limits={"events": 5, "events_of_one": 3})
    dashboard.post("bob", "b.ipynb")
    for number in range(5):
        dashboard.post("alice", f"{number}.ipynb")
    dashboard.post("alice", "2.ipynb")
    dashboard.post("alice", "5.ipynb")
    names = [each["filename"] for each in dashboard.ask("GET", "/events", "ada").json]
    assert names == ["b.ipynb", "2.ipynb", "4.ipynb", "5.ipynb"]
    for user in ("carl", "dora"):
        dashboard.post(user)
    assert [each["user"] for each in dashboard.ask("GET", "/events", "ada").json] == [
        "alice",
        "alice",
        "alice",
        "carl",
        "dora",
    ]


def test_the_store_is_bounded_in_bytes(make_dashboard: Any) -> None:
    dashboard = make_dashboard(limits={"bytes": 20_000})
    for number in range(20):
        assert dashboard.post("alice", f"{number}{'x' * 2000}.ipynb").status == 201
    names = [each["filename"] for each in dashboard.ask("GET", "/events", "alice").json]
    assert [name.partition("x")[0] for name in names] == ["16", "17", "18", "19"]


def test_nobody_without_a_token_gets_in(dashboard: Any) -> None:
    for method, path in (("GET", "/events"), ("POST", "/events"), ("GET", "/events/stream")):
        assert dashboard.ask(method, path, None).status == 401
        assert dashboard.ask(method, path, None, Authorization="token wrong").status == 401


def test_everybody_tells_only_of_themselves(dashboard: Any) -> None:
    for user in ("alice", "ada"):
        refused = dashboard.ask("POST", "/events", user, BOB)
        assert refused.status == 403
    assert dashboard.ask("GET", "/events", "ada").json == []


def test_admins_and_whom_a_scope_makes_a_trainer_see_everybody(dashboard: Any) -> None:
    for user in ("alice", "bob"):
        dashboard.post(user)
    seen = {
        who: [each["user"] for each in dashboard.ask("GET", "/events", who).json]
        for who in ("ada", "tess", "alice", "bob", "carl")
    }
    assert seen == {
        "ada": ["alice", "bob"],
        "tess": ["alice", "bob"],
        "alice": ["alice"],
        "bob": ["bob"],
        "carl": [],
    }
    assert dashboard.ask("GET", "/events?user=bob", "alice").json == []


def test_an_admins_token_that_a_learners_server_holds_opens_nothing(dashboard: Any, hub: Any) -> None:
    hub.token("ada")
    token = hub.new_token("ada", scopes=["access:servers!user=ada"])
    dashboard.post("alice")
    for path in ("/events", "/participants", "/summaries?filename=day1.ipynb", "/events/stream"):
        assert dashboard.ask("GET", path, None, Authorization=f"token {token}").status == 403


def test_a_servers_own_token_tells_of_saves(dashboard: Any, hub: Any) -> None:
    hub.token("alice")
    token = hub.new_token("alice", scopes=["users:activity!user=alice"])
    headers = {"Authorization": f"Bearer {token}"}
    assert dashboard.ask("POST", "/events", None, ALICE, **headers).status == 201


def test_a_hub_that_is_away_is_said(make_dashboard: Any) -> None:
    dashboard = make_dashboard(hub_api="http://127.0.0.1:9/hub/api")
    refused = dashboard.ask("GET", "/events", "alice")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")


def test_the_original_polling_page_sees_a_save(dashboard: Any) -> None:
    """What its script does: ask again and again, and take the newest event after the moment it began."""
    start = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    query = "/events?type=save-notebook&filename=day1.ipynb"

    def newest() -> Any:
        events = dashboard.ask("GET", query, "tess").json
        later = [each for each in events if each["timestamp"] > start]
        return max(later, key=lambda each: str(each["timestamp"]), default=None)

    assert newest() is None
    dashboard.post("alice")
    assert newest()["user"] == "alice"
