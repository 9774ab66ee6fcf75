"""The bundled notebook `classroom`: the endpoints of the seed system, without a token of Replicate."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

import pytest

IMAGE = {"prompt": "a garden", "cfg_scale": 7, "seed": 5}
PLACE = "https://images.example.org/a.png"


@pytest.fixture(scope="module")
def api(serve: Any) -> Any:
    served = serve("", notebook="classroom", kernels=2)
    served.start()
    return served


def test_it_is_alive(api: Any) -> None:
    assert api.ask("GET", "/heartbeat").json == {"status": "alive"}


def test_models_are_played_by_a_stand_in_that_says_so(api: Any) -> None:
    answers = {
        "/text_to_text": api.post("/text_to_text", {"prompt": "Once"}),
        "/text_to_image": api.post("/text_to_image", {**IMAGE, "num_outputs": 2}),
        "/image_to_image": api.post("/image_to_image", {**IMAGE, "image_url": PLACE}),
        "/image_to_text": api.post("/image_to_text", {"image_url": PLACE}),
    }
    for answer in answers.values():
        assert answer.status == 200
        assert "REPLICATE_API_TOKEN" in answer.json["stand_in"]
    assert "Once" in answers["/text_to_text"].json["completion"]
    assert answers["/text_to_image"].json["seed"] == 5
    assert [url[:19] for url in answers["/text_to_image"].json["image_url"]] == ["data:image/svg+xml,"] * 2
    assert isinstance(answers["/image_to_text"].json["image_url"], str)
    listed = api.ask("GET", "/predictions").json
    assert [each["model"] for each in listed][:4] == ["image2text", "image2image", "text2image", "text2text"]


@pytest.mark.parametrize(
    ("given", "sides"),
    [
        ({}, (512, 512)),
        ({"width": 768, "height": 1024}, (768, 1024)),
        ({"width": 1024, "height": 1024}, (512, 512)),
        ({"width": 500, "height": 256}, (512, 256)),
    ],
)
def test_images_have_sides_that_models_can_make(api: Any, given: Any, sides: Any) -> None:
    assert api.post("/text_to_image", {**IMAGE, **given}).status == 200
    made = api.ask("GET", "/predictions").json[0]["input"]
    assert (made["width"], made["height"]) == sides


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/text_to_text", {}),
        ("/text_to_text", {"prompt": ""}),
        ("/text_to_text", {"prompt": "x" * 4001}),
        ("/text_to_image", {"prompt": "x"}),
        ("/text_to_image", {**IMAGE, "num_outputs": 5}),
        ("/image_to_image", IMAGE),
    ],
)
def test_what_does_not_fit_is_refused(api: Any, path: str, body: Any) -> None:
    assert api.post(path, body).status == 422


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "http://localhost/a.png",
        "http://127.0.0.1/a.png",
        "http://10.0.0.1/a.png",
        "http://169.254.169.254/metadata",
        "http://[::1]/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://2130706433/a.png",
        "http://0x7f.1/a.png",
        "http://printer.local/a.png",
        "http://metadata.internal/a.png",
        "http://user@example.org/a.png",
        "http://example.org:22/a.png",
        "http://[bad/a.png",
        "/a.png",
    ],
)
def test_an_image_comes_from_the_public_web(api: Any, address: str) -> None:
    assert api.post("/image_to_text", {"image_url": address}).status == 422


def test_the_pin_board_keeps_what_all_post_at_once_and_gives_it_in_pages(api: Any) -> None:
    def post(client: int) -> None:
        posts = ({"by": client, "number": number} for number in range(10))
        kept.extend(api.post("/store", post).json["database_id"] for post in posts)

    kept: list[int] = []
    clients = [threading.Thread(target=post, args=(client,)) for client in range(6)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(set(kept)) == 60
    found, path = [], "/store?limit=25"
    while path:
        answer = api.ask("GET", path)
        found += answer.json
        path = (answer.headers["Link"] or "").partition(">")[0].removeprefix("<")
    assert sorted(each["database_id"] for each in found) == sorted(kept)
    assert {(each["by"], each["number"]) for each in found} == {(c, n) for c in range(6) for n in range(10)}
    with sqlite3.connect(api.data / "classroom.sqlite") as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    for number in kept:
        assert api.ask("DELETE", "/store", f'{{"database_id": {number}}}', JSON).status == 200
    assert api.ask("GET", "/store").json == []


JSON = {"Content-Type": "application/json"}


def test_the_pin_board_takes_any_json_and_text_up_to_a_size(api: Any) -> None:
    one = api.post("/store", [1, 2]).json["database_id"]
    two = api.ask("POST", "/store", "words").json["database_id"]
    assert api.ask("GET", f"/store?after={one - 1}").json == [
        {"database_id": one, "error": "the payload is no object", "text": [1, 2]},
        {"database_id": two, "error": "the payload is no object", "text": "words"},
    ]
    assert api.post("/store", "x" * 100_000).status == 413
    assert api.ask("GET", "/store?limit=0").status == 400
    assert api.ask("GET", "/store?after=x").status == 400
    assert api.ask("DELETE", "/store", '{"database_id": 99999999}', JSON).status == 404
    assert api.ask("DELETE", "/store", '{"database_id": 1e400}', JSON).status in (422, 404)
