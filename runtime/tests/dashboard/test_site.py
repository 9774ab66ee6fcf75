"""The pages of a running dashboard: who may open which, and what their buttons do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from hub_runtime.dashboard.pages import key_of
from hub_runtime.web import policy
from hub_runtime.web.assets import named
from runtime.tests.dashboard.conftest import notebook, wait_until
from tests.support.html import elements

FORM = {"Content_Type": "application/x-www-form-urlencoded"}


def copy(user: str, path: str, **query: str) -> str:
    return f"/{path}?{urlencode({'who': key_of(user), 'path': 'day1.ipynb', **query})}"


def send(dashboard: Any, user: str, path: str, **form: str) -> Any:
    return dashboard.ask("POST", path, user, urlencode(form).encode(), **FORM)


def page(dashboard: Any, path: str, user: str) -> str:
    answer = dashboard.ask("GET", path, user)
    assert answer.status == 200
    return str(answer.body.decode())


@pytest.fixture
def saved(make_dashboard: Any) -> Any:
    """A dashboard with a notebook of twelve cells by alice, and one by bob."""
    dashboard = make_dashboard(worker=True)
    dashboard.save("alice", "day1.ipynb", notebook(*(f"cell {number};" for number in range(12))))
    dashboard.save("bob", "day1.ipynb", notebook("5*4"))
    wait_until(lambda: len(dashboard.ask("GET", "/summaries?filename=day1.ipynb", "tess").json) == 2)
    return dashboard


def test_trainers_come_to_the_class_and_learners_to_their_own_page(dashboard: Any) -> None:
    dashboard.post("alice")
    assert "<h1>Class</h1>" in page(dashboard, "/", "tess")
    assert "<h1>What trainers see of you</h1>" in page(dashboard, "/", "alice")
    assert "<h1>What trainers see of you</h1>" in page(dashboard, "/mine", "tess")


def test_a_browser_that_is_not_logged_in_is_sent_to_the_hub(dashboard: Any) -> None:
    for path in ("/", "/notebook?path=day1.ipynb", "/mine", copy("alice", "cells")):
        answer = dashboard.ask("GET", path, None)
        assert answer.status == 302
        assert "/hub/api/oauth2/authorize" in answer.headers["Location"]


def test_assets_are_there_for_everybody_and_pages_have_their_policy(dashboard: Any) -> None:
    for name, asset in named().items():
        answer = dashboard.ask("GET", f"/assets/{name}", None)
        assert (answer.status, answer.body) == (200, asset.body)
    for answer in (dashboard.ask("GET", "/", "tess"), dashboard.ask("GET", copy("nobody", "whole"), "tess")):
        assert {name: answer.headers[name] for name in policy.PAGE} == policy.PAGE


def test_a_trainer_sees_the_ends_side_by_side_and_opens_the_whole(saved: Any) -> None:
    beside = page(saved, "/notebook?path=day1.ipynb", "tess")
    frames = [one.get("src") for one in elements(beside) if one.tag == "iframe"]
    assert len(frames) == 2
    end = saved.ask("GET", copy("alice", "cells"), "tess")
    assert {name: end.headers[name] for name in policy.FRAME} == policy.FRAME
    assert b"cell 11;" in end.body
    assert b"cell 1;" not in end.body
    assert b"2 cells before" in end.body
    whole = page(saved, copy("alice", "cells", all="1"), "tess")
    assert "cell 0;" in whole
    assert "cells before" not in whole
    assert "<h1>alice</h1>" in page(saved, copy("alice", "whole"), "tess")


def test_a_learner_opens_their_own_work_and_no_other(saved: Any) -> None:
    assert "cell 11;" in page(saved, copy("alice", "cells"), "alice")
    for path in (copy("bob", "cells"), copy("bob", "whole")):
        answer = saved.ask("GET", path, "alice")
        assert answer.status == 404
        assert b"<h1>Not Found</h1>" in answer.body
    answer = saved.ask("GET", "/notebook?path=day1.ipynb", "alice")
    assert answer.status == 403
    assert b"This page is for trainers" in answer.body


def test_a_hand_goes_up_is_seen_and_taken_down_by_a_trainer_alone(dashboard: Any) -> None:
    dashboard.post("alice")
    answer = send(dashboard, "alice", "/hand", up="1", back="/services/dashboard/?theme=dark")
    assert (answer.status, answer.headers["Location"]) == (303, "/services/dashboard/?theme=dark")
    assert f'id="hand-{key_of("alice")}"' in page(dashboard, "/", "tess")
    assert "Your hand is up" in page(dashboard, "/", "alice")
    assert send(dashboard, "bob", "/lower", who=key_of("alice")).status == 403
    assert send(dashboard, "tess", "/lower", who=key_of("alice"), back="https://elsewhere.example/").headers[
        "Location"
    ] == ("/services/dashboard/")
    assert f'id="hand-{key_of("alice")}"' not in page(dashboard, "/", "tess")


def test_of_who_pauses_trainers_see_the_name_alone(saved: Any) -> None:
    send(saved, "alice", "/pause", on="1")
    card = next(one for one in elements(page(saved, "/", "tess")) if one.get("id") == f"at-{key_of('alice')}")
    assert "Not shown" in card.text
    assert saved.ask("GET", copy("alice", "cells"), "tess").status == 404
    assert "cell 11;" in page(saved, copy("alice", "cells"), "alice")
    send(saved, "alice", "/pause", on="0")
    assert "cell 11;" in page(saved, copy("alice", "cells"), "tess")
