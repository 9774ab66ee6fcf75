"""Changed notebooks alone are rendered, each from its owner's own file, and none can break the rest."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from hub_runtime.dashboard import homes, rendering
from hub_runtime.dashboard.model import State, Summary
from hub_runtime.dashboard.settings import Settings
from runtime.tests.dashboard.conftest import notebook, wait_until


def summaries(dashboard: Any, who: str = "tess") -> dict[str, Any]:
    answer = dashboard.ask("GET", "/summaries?filename=day1.ipynb", who)
    return {each["user"]: each for each in answer.json}


def source(dashboard: Any, user: str, who: str = "tess") -> str | None:
    found = summaries(dashboard, who).get(user)
    return found["cells"][-1]["source"] if found and found["cells"] else None


def test_everybodys_copy_is_side_by_side(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True)
    for user in ("alice", "bob"):
        dashboard.save(user, "day1.ipynb", notebook("5*4", user))
    wait_until(lambda: len(summaries(dashboard)) == 2)
    assert [source(dashboard, user) for user in ("alice", "bob")] == ["alice", "bob"]
    assert list(summaries(dashboard, "alice")) == ["alice"]
    assert dashboard.ask("GET", "/notebooks", "tess").json == {"day1.ipynb": 2}
    frame = dashboard.ask("GET", "/frame?user=bob&filename=day1.ipynb", "tess")
    assert frame.status == 200
    assert b"5*4" in frame.body
    assert dashboard.ask("GET", "/frame?user=bob&filename=day1.ipynb", "alice").status == 404


def test_a_whole_notebook_opens_as_it_was_saved_last(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True)
    where = "/frame?user=alice&filename=day1.ipynb&whole=1"
    for text in ("one", "two"):
        dashboard.save("alice", "day1.ipynb", notebook(*[f"{text} {number}" for number in range(30)]))
        opened = dashboard.ask("GET", where, "tess")
        assert opened.status == 200
        assert opened.headers["Content-Security-Policy"].endswith("; sandbox")
        assert opened.body.count(f">{text} ".encode()) == 30
    assert dashboard.ask("GET", where, "bob").status == 404
    dashboard.ask("POST", "/participants/alice", "alice", {"paused": True})
    assert dashboard.ask("GET", where, "tess").status == 404


def test_a_changed_notebook_is_rendered_again(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True)
    for text in ("one", "two"):
        dashboard.save("alice", "day1.ipynb", notebook(text))
        wait_until(lambda text=text: source(dashboard, "alice") == text)


def test_broken_huge_and_foreign_notebooks_break_nothing(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True, limits={"notebook_bytes": 10_000})
    (dashboard.folder / "secret").write_text(json.dumps(notebook("secret")))
    dashboard.write("link", "other.ipynb", b"")
    (dashboard.homes / "link" / "day1.ipynb").symlink_to(dashboard.folder / "secret")
    dashboard.post("link")
    dashboard.save("half", "day1.ipynb", json.dumps(notebook("x")).encode()[:-10])
    dashboard.save("huge", "day1.ipynb", notebook("x" * 20_000))
    dashboard.save("invalid", "day1.ipynb", b"nothing")
    dashboard.write("nobody", "other.ipynb", b"")
    dashboard.post("nobody")
    dashboard.save("zoe", "day1.ipynb", notebook("fine"))
    wait_until(lambda: len(summaries(dashboard)) == 6)
    assert {user: each["state"] for user, each in summaries(dashboard).items()} == {
        "link": "foreign",
        "half": "half-written",
        "huge": "huge",
        "invalid": "invalid",
        "nobody": "missing",
        "zoe": "shown",
    }


def test_a_killed_worker_renders_the_rest_when_it_is_back(make_dashboard: Any) -> None:
    dashboard = make_dashboard()
    worker = dashboard.start_worker()
    dashboard.save("alice", "day1.ipynb", notebook("one"))
    wait_until(lambda: source(dashboard, "alice") == "one")
    (renderer,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_until(lambda: not Path("/proc", renderer).exists())
    dashboard.save("alice", "day1.ipynb", notebook("two"))
    dashboard.save("bob", "day1.ipynb", notebook("two"))
    dashboard.start_worker()
    wait_until(lambda: source(dashboard, "alice") == source(dashboard, "bob") == "two")


def test_who_was_removed_is_forgotten(make_dashboard: Any) -> None:
    dashboard = make_dashboard()
    for user in ("alice", "bob"):
        dashboard.save(user, "day1.ipynb", notebook(user))
    dashboard.ask("POST", "/participants/alice", "alice", {"hand": True})
    shutil.rmtree(dashboard.homes / "alice")
    dashboard.start_worker()
    wait_until(
        lambda: [each["name"] for each in dashboard.ask("GET", "/participants", "tess").json] == ["bob"]
    )
    assert [each["user"] for each in dashboard.ask("GET", "/events", "tess").json] == ["bob"]


def test_homes_that_are_all_away_are_nobodys_removal(tmp_path: Path) -> None:
    assert homes.gone(str(tmp_path)) is None
    assert homes.gone(str(tmp_path / "nowhere")) is None


def test_who_pauses_is_seen_by_nobody_until_they_go_on(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True)
    dashboard.save("alice", "day1.ipynb", notebook("shown"))
    wait_until(lambda: source(dashboard, "alice") == "shown")
    assert dashboard.ask("POST", "/participants/alice", "alice", {"paused": True}).json["paused"]
    dashboard.save("alice", "day1.ipynb", notebook("private"))
    dashboard.save("bob", "day1.ipynb", notebook("later"))
    wait_until(lambda: source(dashboard, "bob") == "later")
    assert list(summaries(dashboard)) == ["bob"]
    assert [each["user"] for each in dashboard.ask("GET", "/events", "tess").json] == ["bob"]
    alice = dashboard.ask("GET", "/participants", "tess").json[0]
    assert alice == {**alice, "name": "alice", "paused": True, "saved": None, "notebooks": [], "cells": 0}
    assert source(dashboard, "alice", "alice") == "shown"
    dashboard.ask("POST", "/participants/alice", "alice", {"paused": False})
    wait_until(lambda: source(dashboard, "alice") == "private")


def test_participants_say_who_is_where(make_dashboard: Any) -> None:
    dashboard = make_dashboard(worker=True)
    dashboard.save("alice", "day1.ipynb", notebook("a", "b"))
    dashboard.save("alice", "day2.ipynb", notebook("a", "b", "c"))
    wait_until(lambda: len(dashboard.ask("GET", "/notebooks", "tess").json) == 2)
    dashboard.write("bob", "other.ipynb", b"")
    raised = dashboard.ask("POST", "/participants/bob", "bob", {"hand": True}).json["hand"]
    assert dashboard.ask("POST", "/participants/bob", "bob", {"hand": True}).json["hand"] == raised
    alice, bob = dashboard.ask("GET", "/participants", "tess").json
    assert (alice["active"], alice["cells"], alice["notebooks"]) == (True, 3, ["day2.ipynb", "day1.ipynb"])
    assert (bob["active"], bob["hand"], bob["saved"]) == (False, raised, None)


def test_how_full_a_home_is_comes_from_the_hub_and_is_its_owners_and_trainers(
    make_dashboard: Any, tmp_path: Path
) -> None:
    dashboard = make_dashboard(fullness=str(tmp_path))
    for user in ("alice", "bob", "carl"):
        dashboard.post(user)
    (tmp_path / "alice").write_text(json.dumps({"used": 90, "limit": 100, "held": 0}))
    (tmp_path / "bob").write_text("half wri")
    (tmp_path / "carl").write_text(json.dumps({"used": 1, "limit": 0, "held": 0}))

    def homes_for(who: str) -> dict[str, Any]:
        return {one["name"]: one["home"] for one in dashboard.ask("GET", "/participants", who).json}

    home = {"used": 90, "limit": 100}
    assert homes_for("tess") == {"alice": home, "bob": None, "carl": None}
    assert homes_for("alice") == {"alice": home}
    dashboard.ask("POST", "/participants/alice", "alice", {"paused": True})
    assert homes_for("tess")["alice"] is None
    assert homes_for("alice") == {"alice": home}
    assert b"nearly full" in dashboard.ask("GET", "/mine", "alice").body


def test_hands_are_raised_by_their_owners_and_lowered_by_trainers_too(dashboard: Any) -> None:
    def wish(who: str, **wanted: bool) -> int:
        return int(dashboard.ask("POST", "/participants/alice", who, wanted).status)

    assert wish("alice", hand=True) == 200
    assert wish("bob", hand=False) == 403
    assert wish("tess", hand=True) == 403
    assert wish("tess", hand=False, paused=False) == 403
    assert wish("tess", hand=False) == 200
    assert dashboard.ask("GET", "/participants", "alice").json[0]["hand"] is None


@pytest.mark.parametrize(
    "filename", ["../bob/x", "/etc/passwd", "", "folder", "linked/x", "pipe", "to/../../x"]
)
def test_a_reader_stays_in_the_home(tmp_path: Path, filename: str) -> None:
    home = tmp_path / "alice"
    (home / "folder").mkdir(parents=True)
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "x").write_text("secret")
    (home / "linked").symlink_to(tmp_path / "bob")
    os.mkfifo(home / "pipe")
    with pytest.raises(homes.NotShownError) as refused:
        homes.read(str(tmp_path), "alice", filename, 100)
    assert refused.value.state is State.FOREIGN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "alice").mkdir()
    given = tmp_path / "alice" / "x"
    given.write_text("secret")
    os.chown(tmp_path / "alice", 1234, 1234)
    with pytest.raises(homes.NotShownError, match="own"):
        homes.read(str(tmp_path), "alice", "x", 100)
    os.chown(given, 1234, 1234)
    assert homes.read(str(tmp_path), "alice", "x", 100) == b"secret"


@pytest.mark.parametrize("harm", [lambda *_: os._exit(1), lambda *_: signal.pause()], ids=["dies", "hangs"])
def test_a_notebook_that_breaks_its_rendering_costs_that_one_alone(
    tmp_path: Path, monkeypatch: Any, harm: Any
) -> None:
    (tmp_path / "alice").mkdir()
    (tmp_path / "alice" / "x.ipynb").write_text(json.dumps(notebook("fine")))
    renderer = rendering.Renderer(Settings(homes=str(tmp_path)))
    job = rendering.Job(Summary("alice", "x.ipynb", "/x", State.MISSING, ""), {})
    with monkeypatch.context() as patched:
        patched.setattr(rendering, "SECONDS", 0.5)
        patched.setattr(rendering.notebook, "summarise", harm)
        broken, _ = renderer.render(job)
    fine, _ = renderer.render(job)
    renderer.close()
    assert (broken.state, broken.note) == (State.INVALID, "it could not be rendered")
    assert fine.state is State.SHOWN
