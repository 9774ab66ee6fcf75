"""What the server adds to the format: validation, access, limits, streams, and errors that tell strangers nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI

from hub_runtime.notebook_api.app import create_app
from hub_runtime.notebook_api.making import Maker
from hub_runtime.notebook_api.notebook import read
from hub_runtime.notebook_api.pool import Pool
from hub_runtime.notebook_api.settings import Settings
from tests.support.waiting import eventually

from .conftest import notebook

TOKEN = "open-sesame"
ORIGIN = "https://lab.test"
SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 20}}}
CELLS = (
    "import json, os, pathlib, sys, threading, time",
    "# GET /hello\nprint('hello')",
    f"# POST /names\n# @summary Keep a name\n# @body {json.dumps(SCHEMA)}\n"
    '# @answer {"type": "object",\n#   "required": ["length"]}\n'
    "name = json.loads(REQUEST)['body']['name']\nprint(json.dumps({'length': len(name)}))",
    "# ResponseInfo POST /names\nprint(json.dumps({'headers': {'Content-Type': 'application/json'}}))",
    "# POST /form\nprint(len(json.loads(REQUEST)['body']))",
    "# DELETE /names/:name\n# @token\nprint('gone')",
    "# GET /seldom\n# @rate 2/hour\nprint('yes')",
    "# GET /stream\n# @stream text/event-stream\n"
    "for number in range(3):\n    print(f'data: {number}\\n', flush=True)\n    time.sleep(0.3)",
    "# GET /stream/broken\n# @stream\nprint('begun', flush=True)\ntime.sleep(0.3)\n1 / 0",
    "# GET /stream/never\n# @stream\n1 / 0",
    "# GET /stream/endless\n# @stream\nwhile True:\n    print('x', flush=True)\n    time.sleep(0.05)",
    "# GET /secret/failure\nraise ValueError('the password is 1234')",
    "# GET /slow\n# @deadline 1\ntime.sleep(600)",
    "# GET /deaf\n# @deadline 1\nwhile True:\n    try:\n        time.sleep(600)\n"
    "    except KeyboardInterrupt:\n        pass",
    "# GET /large\nfor _ in range(300):\n    print('x' * 1000)",
    "# GET /many\nfor number in range(3000):\n    print(number, flush=True)",
    "from concurrent.futures import ThreadPoolExecutor\nworkers = ThreadPoolExecutor(1)",
    "# GET /late\nthreading.Timer(0.3, lambda: print('from the request before')).start()",
    "# GET /worker/:word\nword = json.loads(REQUEST)['path']['word']\nworkers.submit(print, word).result()",
    "# GET /pause\ntime.sleep(0.6)\nprint('own')",
    "# GET /held/:name\nname = json.loads(REQUEST)['path']['name']\npathlib.Path(f'{name}.begun').touch()\n"
    "while not pathlib.Path(f'{name}.open').exists():\n    time.sleep(0.02)\nprint(name)",
    "# GET /left\nprint(json.dumps([name for name in ('last_value', 'last_traceback') if hasattr(sys, name)]))\n"
    "print(len(In), len(Out))",
    "# GET /value\n'kept nowhere'",
    "# GET /value/large\n'x' * 300_000",
    "# GET /header\nprint('x')",
    "# ResponseInfo GET /header\nprint(json.dumps({'headers': {'X-Split': 'a\\r\\nSet-Cookie: b'}}))",
    "# GET /pid\nprint(os.getpid())",
    "# GET /surroundings\nprint(os.environ['WORD'], 'HUB_SETTINGS' in os.environ)",
    "# GET /die\nos._exit(1)",
)


@pytest.fixture(scope="module")
def api(serve: Any, tmp_path_factory: Any) -> Any:
    credentials = tmp_path_factory.mktemp("credentials")
    (credentials / "WORD").write_text("secret-word\n")
    served = serve(
        notebook(*CELLS),
        kernels=2,
        token=TOKEN,
        cors_origins=[ORIGIN],
        body_bytes=10_000,
        answer_bytes=200_000,
        queued=8,
    )
    served.start(CREDENTIALS_DIRECTORY=str(credentials))
    return served


def settled(api: Any) -> bool:
    return bool(api.ask("GET", "/health").status == 200)


def refuses(api: Any) -> bool:
    try:
        api.connect().close()
    except ConnectionError:
        return True
    return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "kind", "status", "why"),
    [
        ('{"name": "Ada"}', "application/json", 200, ""),
        ('{"name": "Ada"}', "application/json; charset=utf-8", 200, ""),
        ('{"name": 1}', "application/json", 422, "$.name: 1 is not of type 'string'"),
        ("{}", "application/json", 422, "$: 'name' is a required property"),
        ('{"name"', "application/json", 400, "no JSON"),
        ("[" * 5000, "application/json", 400, "no JSON"),
        ("", "application/json", 400, "no JSON"),
        ('{"name": "Ada"}', "text/plain", 415, "Content-Type: application/json"),
        (b'{"name": "\xff"}', "application/json", 400, "no UTF-8"),
        ("x" * 10_001, "application/json", 413, "10,000 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_does_not_fit_never_reaches_a_cell(
    api: Any, body: Any, kind: str, status: int, why: str
) -> None:
    answer = api.ask("POST", "/names", body, {"Content-Type": kind})
    assert answer.status == status
    assert why in answer.text if why else answer.json == {"length": 3}


def test_a_form_has_no_more_fields_than_can_be_read_at_once(api: Any) -> None:
    def send(fields: int) -> Any:
        body = "&".join(f"{number:x}=" for number in range(fields))
        return api.ask("POST", "/form", body, {"Content-Type": "application/x-www-form-urlencoded"})

    assert send(1000).text == "1000\n"
    assert (send(1001).status, "1000 fields" in send(1001).text) == (400, True)


def test_its_description_is_openapi_and_says_what_the_cells_say(api: Any) -> None:
    document = api.ask("GET", "/_api/spec/openapi.json").json
    OpenAPI.from_dict(document)
    operation = document["paths"]["/names"]["post"]
    assert operation["summary"] == "Keep a name"
    assert operation["requestBody"]["content"]["application/json"]["schema"] == SCHEMA
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["required"] == ["length"]
    assert document["paths"]["/names/{name}"]["delete"]["security"] == [{"token": []}]
    assert "429" in document["paths"]["/seldom"]["get"]["responses"]


@pytest.mark.parametrize("word", [f"Bearer {TOKEN}", f"token {TOKEN}"])
def test_the_token_opens_what_asks_for_it(api: Any, word: str) -> None:
    assert api.ask("DELETE", "/names/Ada", headers={"Authorization": word}).text == "gone\n"


@pytest.mark.parametrize("word", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer ä"])
def test_without_the_token_it_stays_closed(api: Any, word: str) -> None:
    answer = api.ask("DELETE", "/names/Ada", headers={"Authorization": word} if word else {})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_one_client_asks_as_often_as_the_cell_allows_and_no_other_is_kept_out(api: Any) -> None:
    def ask(client: str) -> Any:
        return api.ask("GET", "/seldom", headers={"X-Forwarded-For": client})

    answers = [ask("192.0.2.1") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 1800
    assert ask("192.0.2.2").status == 200
    assert [ask(f"2001:db8::{number}").status for number in range(3)] == [200, 200, 429]  # one customer


@pytest.mark.parametrize(
    ("origin", "allowed"), [(ORIGIN, ORIGIN), ("https://other.test", None), (f"{ORIGIN}.evil", None)]
)
def test_pages_of_the_named_origins_may_call_it_and_no_others(
    api: Any, origin: str, allowed: str | None
) -> None:
    preflight = api.ask(
        "OPTIONS",
        "/names",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert (preflight.status == 200) is (allowed is not None)
    for answer in (preflight, api.ask("GET", "/hello", headers={"Origin": origin})):
        assert answer.headers["Access-Control-Allow-Origin"] == allowed
        assert "Origin" in answer.headers["Vary"]
    failed = api.ask("GET", "/secret/failure", headers={"Origin": origin})
    assert failed.headers["Access-Control-Allow-Origin"] == allowed


def test_a_streamed_answer_comes_as_its_cell_prints_it(api: Any) -> None:
    answer = api.ask("GET", "/stream")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_stream_that_fails_is_cut_off_and_one_that_has_not_begun_is_an_error(api: Any) -> None:
    with pytest.raises(Exception, match=r"IncompleteRead|Connection"):
        api.ask("GET", "/stream/broken")
    assert api.ask("GET", "/stream/never").status == 500
    assert settled(api)


def test_a_stream_begins_before_its_cell_ends_and_is_ended_when_its_reader_leaves(api: Any) -> None:
    before = api.kernels()
    connection = api.connect()
    connection.request("GET", "/stream/endless")
    connection.getresponse().readline()
    connection.close()
    eventually(lambda: len({api.ask("GET", "/pid").text for _ in range(2)}) == 2, pause=0.05)
    assert api.kernels() == before


def test_who_reads_a_stream_slowly_or_never_keeps_no_kernel(tmp_path: Path) -> None:
    source = tmp_path / "notebook.ipynb"
    source.write_text(notebook("# GET /stream\n# @stream\nprint('begun')", "# GET /other\nprint('other')"))

    async def ask(app: Any, path: str, taken: Callable[[], Awaitable[Any]]) -> bytes:
        said = bytearray()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                said.extend(message["body"])
                await taken()

        body = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return body.pop() if body else await asyncio.Future()

        wanted = {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": []}
        await app({"type": "http", "method": "GET", **wanted}, receive, send)
        return bytes(said)

    async def both(folder: Path) -> bytes:
        found, settings = read(source), Settings(str(source), folder=str(tmp_path))
        pool = Pool(Maker(found, settings, folder).make, 1, 8)
        await pool.start()
        app, stalled = create_app(found, pool, settings), asyncio.Event()
        slow = asyncio.ensure_future(ask(app, "/stream", lambda: _stall(stalled)))
        try:
            await stalled.wait()
            return await ask(app, "/other", _at_once)
        finally:
            slow.cancel()
            await pool.close()

    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        assert asyncio.run(both(Path(folder))) == b"other\n"


async def _stall(stalled: asyncio.Event) -> None:
    stalled.set()
    await asyncio.Event().wait()


async def _at_once() -> None:
    pass


def test_an_exception_is_an_id_for_the_client_and_a_traceback_in_the_journal(api: Any) -> None:
    answer = api.ask("GET", "/secret/failure")
    assert answer.status == 500
    assert set(answer.json) == {"reason", "message", "id"}
    assert "1234" not in answer.text
    eventually(lambda: f"{answer.json['id']}: GET /secret/failure:" in api.journal)
    told = api.journal.split(answer.json["id"])[1]
    assert "----> 2 raise ValueError('the password is 1234')" in told
    assert "\x1b" not in told


def test_what_an_exception_knew_and_values_shown_are_not_kept_in_the_kernel(api: Any) -> None:
    for _ in range(2):
        api.ask("GET", "/secret/failure")
        api.ask("GET", "/value")
    assert {api.ask("GET", "/left").text for _ in range(2)} == {"[]\n1 0\n"}


def test_what_is_printed_late_is_in_no_other_answer(api: Any) -> None:
    for _ in range(2):
        assert api.ask("GET", "/late").text == ""
    assert [api.ask("GET", "/pause").text for _ in range(2)] == ["own\n", "own\n"]
    said = [api.ask("GET", f"/worker/{number}").text for number in range(4)]
    assert said == [f"{number}\n" for number in range(4)]  # a thread that serves many works for one at a time


def test_whatever_is_printed_fast_arrives_whole(api: Any) -> None:
    assert api.ask("GET", "/many").text == "".join(f"{number}\n" for number in range(3000))


@pytest.mark.parametrize("path", ["/large", "/value/large"])
def test_an_answer_has_a_largest_size(api: Any, path: str) -> None:
    answer = api.ask("GET", path)
    assert (answer.status, answer.json["message"]) == (500, "the answer has more than 200,000 bytes")
    eventually(lambda: settled(api))


def test_a_header_cannot_end_the_headers(api: Any) -> None:
    answer = api.ask("GET", "/header")
    assert answer.status == 500
    assert "Set-Cookie" not in answer.headers


def test_a_request_past_its_deadline_is_interrupted_and_the_kernel_keeps_its_memory(api: Any) -> None:
    before = api.kernels()
    answer = api.ask("GET", "/slow")
    assert (answer.status, answer.json["message"]) == (504, "the answer took more than 1 s")
    eventually(lambda: len({api.ask("GET", "/pid").text for _ in range(2)}) == 2, pause=0.05)
    assert api.kernels() == before


def test_code_that_takes_no_interrupt_is_killed_and_a_new_kernel_serves(api: Any) -> None:
    before = api.kernels()
    assert api.ask("GET", "/deaf").status == 504
    eventually(lambda: settled(api) and len(set(api.kernels()) - set(before)) == 1)
    assert {api.ask("GET", "/hello").text for _ in range(4)} == {"hello\n"}


def test_a_request_whose_kernel_dies_is_told_at_once_and_others_are_answered_meanwhile(api: Any) -> None:
    answer = api.ask("GET", "/die")
    assert (answer.status, answer.json["message"]) == (500, "the kernel that ran the code ended")
    assert api.ask("GET", "/health").status == 503
    assert [api.ask("GET", "/hello").status for _ in range(5)] == [200] * 5
    eventually(lambda: settled(api))


def test_when_all_kernels_are_killed_requests_wait_for_the_next_ones(api: Any) -> None:
    before = api.kernels()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(alive, before)), pause=0.01)
    assert [api.ask("GET", "/hello").status for _ in range(3)] == [200] * 3
    eventually(lambda: settled(api))
    assert not set(before) & set(api.kernels())


def test_a_kernel_that_is_stopped_is_unhealthy_and_replaced(api: Any) -> None:
    before = api.kernels()
    os.kill(before[0], signal.SIGSTOP)
    assert api.ask("GET", "/health").status == 503
    eventually(lambda: settled(api))
    assert before[0] not in api.kernels()


def test_more_requests_than_may_wait_are_sent_away(api: Any) -> None:
    answers: list[Any] = []
    clients = [
        threading.Thread(target=lambda: answers.append(api.ask("GET", "/held/all"))) for _ in range(16)
    ]
    for client in clients:
        client.start()
    eventually(lambda: len(answers) == 6, pause=0.02)
    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(503, "5")}
    (api.data / "all.open").touch()
    for client in clients:
        client.join()
    assert [answer.status for answer in answers[6:]] == [200] * 10


def test_secrets_are_variables_of_the_kernel_and_in_no_process_list(api: Any) -> None:
    assert api.ask("GET", "/surroundings").text == "secret-word False\n"
    for pid in api.kernels():
        assert b"secret-word" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_it_ends_what_it_answers_and_then_itself_with_all_kernels(api: Any) -> None:
    kernels, answers = api.kernels(), []
    client = threading.Thread(target=lambda: answers.append(api.ask("GET", "/held/last").text))
    client.start()
    eventually((api.data / "last.begun").exists, pause=0.02)
    api.process.terminate()
    eventually(lambda: refuses(api), pause=0.02)
    (api.data / "last.open").touch()
    client.join()
    assert answers == ["last\n"]
    assert api.process.wait(60) == 0
    assert not [pid for pid in kernels if alive(pid)]
