"""What commands show: on a terminal, in a file, in CI, under GitHub Actions, and as JSON."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from provision.errors import HubError, HubErrors, Position
from provision.output import Output
from provision.output.text import clean, harmless_in_actions, seconds, table_lines

HOSTILE = "[bold]x[/bold] [x] \x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2J\u202eback :smile: \x08"
HARMLESS = "[bold]x[/bold] [x] red 2Jback :smile: "
STAMP = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)


class Terminal:
    """A pseudo-terminal; `text` ends it and returns what was written to it."""

    def __init__(self) -> None:
        self._leader, follower = pty.openpty()
        self.stream: TextIO = os.fdopen(follower, "w", encoding="utf-8")
        self._data = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._leader, 65536):
                self._data += data
        except OSError:  # the other side is closed
            pass

    def close(self) -> None:
        self.stream.close()
        self._reader.join()

    def text(self) -> str:
        self.close()
        return self._data.decode().replace("\r\n", "\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    terminal = Terminal()
    yield terminal
    terminal.close()


def plain(**environ: str) -> tuple[Output, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Output.choose(environ=environ, stdout=stdout, stderr=stderr), stdout, stderr


def as_json() -> tuple[Output, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Output.choose(json=True, environ={}, stdout=stdout, stderr=stderr), stdout, stderr


def events(stdout: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stdout.getvalue().splitlines()]


def everything(output: Output) -> None:
    """Use each method once, with text that would steer a terminal."""
    output.event("thing", text=HOSTILE)
    output.line(HOSTILE)
    output.result(HOSTILE)
    output.table(HOSTILE, ["name", HOSTILE], [["a", HOSTILE]])
    output.diff(f"--- a\n+++ b\n-{HOSTILE}\n+b")
    output.error(HubError("bad", HOSTILE, why=HOSTILE, hint=HOSTILE))
    with output.step(HOSTILE) as step:
        step.update(HOSTILE)
        output.progress(HOSTILE)


# On a terminal


def test_a_terminal_gets_colours_but_no_sequence_or_markup_of_the_text(terminal: Terminal) -> None:
    everything(Output.choose(environ={}, stdout=terminal.stream, stderr=terminal.stream))
    shown = terminal.text()
    assert "\x1b[1;31m" in shown
    for hostile in ("\x1b]", "\x07", "\x9b", "\u202e", "\x08", "😄"):
        assert hostile not in shown
    assert "error: [bold]x[/bold] [x] red 2Jback :smile:" in shown


def test_a_step_spins_on_a_terminal_and_leaves_one_line(terminal: Terminal) -> None:
    output = Output.choose(environ={}, stdout=terminal.stream, stderr=terminal.stream)
    with output.step("making it") as step:
        step.update("half way")
        time.sleep(0.3)
    shown = terminal.text()
    assert "⠋ making it" in shown
    assert "half way" in shown
    assert shown.count("✓ making it (") == 1
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1, "the cursor is hidden, then shown again"


def test_a_result_in_the_middle_of_a_step_is_left_whole(terminal: Terminal) -> None:
    output = Output.choose(environ={}, stdout=terminal.stream, stderr=terminal.stream)
    command = "curl --resolve " + "x" * 100
    with output.step("making it"):
        output.result(command)
    assert f"\x1b[2K{command}\n" in terminal.text()


def test_progress_of_a_thread_stands_beside_its_own_step(terminal: Terminal) -> None:
    output = Output.choose(environ={}, stdout=terminal.stream, stderr=terminal.stream)
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with output.step(f"step {name}"):
            both.wait()
            output.progress(f"note {name}")
            both.wait()
            time.sleep(0.3)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.text())
    assert re.search(r"step a +\S+ s +note a", shown)
    assert re.search(r"step b +\S+ s +note b", shown)
    assert not re.search(r"step a +\S+ s +note b", shown)


def test_an_interrupt_gives_the_cursor_back() -> None:
    program = (
        "from provision.output import Output\nimport time\n"
        "with Output.choose(environ={}).step('long work'):\n    time.sleep(60)\n"
    )
    terminal = Terminal()
    environ = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=terminal.stream, stdout=terminal.stream, env=environ
    )
    deadline = time.monotonic() + 30
    while b"long work" not in terminal._data and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    shown = terminal.text()
    assert "✗ long work" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


# In a file, in CI


def test_a_file_gets_plain_lines() -> None:
    output, stdout, stderr = plain()
    everything(output)
    for text in (stdout.getvalue(), stderr.getvalue()):
        assert HARMLESS.strip() in text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_results_and_progress_are_apart() -> None:
    output, stdout, stderr = plain()
    output.result("the result")
    output.line("the progress")
    assert stdout.getvalue() == "the result\n"
    assert STAMP.sub("", stderr.getvalue()) == "the progress\n"


def test_each_line_of_progress_has_the_time_in_a_file() -> None:
    output, _, stderr = plain()
    output.line("one\ntwo")
    assert len(STAMP.findall(stderr.getvalue())) == 2


def test_nothing_is_cut_to_a_width() -> None:
    output, stdout, _ = plain()
    output.table("nodes", ["name", "url"], [["apis", "https://" + "x" * 300], ["b", "-"]])
    assert stdout.getvalue() == f"nodes\nname  url\napis  https://{'x' * 300}\nb     -\n"


@pytest.mark.parametrize(
    "environ", [{"CI": "true"}, {"CI": "1"}, {"TERM": "dumb"}, {"CI": "true", "FORCE_COLOR": "1"}]
)
def test_ci_gets_plain_lines_even_on_a_terminal(terminal: Terminal, environ: dict[str, str]) -> None:
    everything(Output.choose(environ=environ, stdout=terminal.stream, stderr=terminal.stream))
    assert "\x1b" not in terminal.text()


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_ci_that_is_said_to_be_off_is_none(terminal: Terminal, value: str) -> None:
    everything(Output.choose(environ={"CI": value}, stdout=terminal.stream, stderr=terminal.stream))
    assert "\x1b" in terminal.text()


def test_a_step_says_when_it_began_and_how_long_it_took() -> None:
    output, _, stderr = plain()
    with output.step("making it") as step:
        step.update("half way")
        step.update("half way")
    lines = STAMP.sub("", stderr.getvalue()).splitlines()
    assert lines[:2] == ["making it …", "making it: half way"]
    assert re.fullmatch(r"making it … done in \d\.\d s", lines[2])
    assert len(lines) == 3


@pytest.mark.parametrize(("error", "how"), [(ValueError, "failed"), (KeyboardInterrupt, "stopped")])
def test_a_step_that_fails_says_so_and_lets_the_error_through(error: type[BaseException], how: str) -> None:
    output, _, stderr = plain()
    with pytest.raises(error), output.step("making it"):
        raise error
    assert f"making it … {how} after" in stderr.getvalue()


def test_steps_of_several_threads_print_whole_lines() -> None:
    output, _, stderr = plain()
    names = [f"node{number}" for number in range(8)]

    def work(name: str) -> None:
        with output.step(name) as step:
            for number in range(50):
                step.update(f"step {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = STAMP.sub("", stderr.getvalue()).splitlines()
    assert len(lines) == 8 * 52
    assert all(re.fullmatch(r"node\d( …|: step \d+| … done in .*)", line) for line in lines)


def test_a_character_that_the_stream_cannot_write_is_replaced() -> None:
    raw = io.BytesIO()
    output = Output.choose(environ={}, stdout=io.TextIOWrapper(raw, encoding="latin-1"), stderr=io.StringIO())
    output.result("✓ für \udcff")
    assert raw.getvalue() == "? für ?\n".encode("latin-1")


def test_work_goes_on_when_the_reader_is_gone() -> None:
    program = (
        "from provision.output import Output\nimport sys\n"
        "output = Output.choose()\n"
        "for number in range(20000):\n    output.result(f'line {number}')\n"
        "print('finished', file=sys.stderr)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    assert process.stderr.read() == "finished\n"
    assert process.wait() == 0


# Errors


def test_an_error_says_where_what_why_and_what_to_do() -> None:
    output, stdout, stderr = plain()
    where = Position("hubctl.yml", 3, 7)
    output.error(HubError("bad-name", "no good name", why="one\ntwo", hint="three\nfour", where=where))
    assert stdout.getvalue() == ""
    assert stderr.getvalue() == (
        "hubctl.yml:3:7: error: no good name [bad-name]\n  one\n  two\n  hint: three\n        four\n"
    )


def test_many_errors_fit_on_a_screen_and_are_counted() -> None:
    output, _, stderr = plain()
    output.error(HubErrors([HubError("bad", f"number {number}") for number in range(50)]))
    lines = stderr.getvalue().splitlines()
    assert len(lines) < 24
    assert lines[-1] == "… and 30 more; --json lists them all"


def test_github_is_shown_the_place_of_each_error() -> None:
    output, _, stderr = plain(GITHUB_ACTIONS="true", CI="true")
    errors = [
        HubError("bad-name", "100% wrong", why="a\nb", where=Position("in,ven:tory.yml", 3, 7)),
        HubError("other", "no place"),
    ]
    output.error(HubErrors(errors))
    annotations = [line for line in stderr.getvalue().splitlines() if line.startswith("::")]
    assert annotations == [
        "::error file=in%2Cven%3Atory.yml,line=3,col=7,title=bad-name::100%25 wrong%0Aa%0Ab",
        "::error title=other::no place",
    ]


def test_github_finds_no_commands_in_the_text_of_nodes() -> None:
    output, stdout, stderr = plain(GITHUB_ACTIONS="true", CI="true")
    for show in (output.result, output.line):
        show("::add-mask::x\n  ::set-env name=a::b\n##[command]x")
    for line in STAMP.sub("", stdout.getvalue() + stderr.getvalue()).splitlines():
        assert not line.strip().startswith("::")
        assert "##[" not in line


def test_elsewhere_there_are_no_annotations() -> None:
    output, _, stderr = plain(CI="true")
    output.error(HubError("bad", "wrong"))
    assert "::error" not in stderr.getvalue()


# JSON


def test_stdout_carries_events_and_nothing_else() -> None:
    output, stdout, stderr = as_json()
    everything(output)
    kinds = [event["event"] for event in events(stdout)]
    assert kinds == ["thing", "error", "step", "step", "step"]
    assert events(stdout)[0]["text"] == HOSTILE
    assert HARMLESS.strip() in stderr.getvalue()


def test_every_event_has_its_time_and_what_json_does_not_know_is_written_out() -> None:
    output, stdout, _ = as_json()
    output.event("made", path=Path("/x"), name="apis", count=3)
    (event,) = events(stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(event.pop("time")))
    assert event == {"event": "made", "path": "/x", "name": "apis", "count": 3}


def test_a_list_of_errors_is_an_event_each_with_its_place() -> None:
    output, stdout, _ = as_json()
    output.error(HubErrors([HubError("a", "one", where=Position("f", 1, 2)), *[HubError("b", "two")] * 30]))
    found = events(stdout)
    assert len(found) == 31
    assert (found[0]["code"], found[0]["file"], found[0]["line"], found[0]["column"]) == ("a", "f", 1, 2)


def test_steps_tell_their_state_and_their_time() -> None:
    output, stdout, _ = as_json()
    with pytest.raises(ValueError), output.step("making it"):
        raise ValueError
    first, last = events(stdout)
    assert (first["state"], last["state"]) == ("started", "failed")
    assert isinstance(last["seconds"], float)


def test_events_of_several_threads_do_not_mix() -> None:
    output, stdout, _ = as_json()
    threads = [
        threading.Thread(target=lambda: [output.event("x", text="y" * 500) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events(stdout)) == 400


def test_without_json_events_are_not_shown() -> None:
    output, stdout, stderr = plain()
    output.event("thing")
    assert stdout.getvalue() == stderr.getvalue() == ""


# Parts


def test_rich_is_imported_for_terminals_only() -> None:
    program = (
        "import io, sys\nfrom provision.output import Output\n"
        "output = Output.choose(environ={})\n"
        "output.result('x'); output.table('t', ['a'], [['b']]); output.diff('+x')\n"
        "with output.step('y'): pass\n"
        "assert not [name for name in sys.modules if name.startswith('rich')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("10%\r50%\r\n", "10%\n50%\n"),
        ("\x1b[1;31mred\x1b[m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b", ""),
        ("für ✓ 日本", "für ✓ 日本"),
    ],
)
def test_text_is_cleaned_of_what_steers_a_terminal(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize("text", ["::error::x", " \t::x", ":::x", "a\n::x"])
def test_workflow_commands_are_broken_up(text: str) -> None:
    assert not re.search(r"^\s*::", harmless_in_actions(text), re.MULTILINE)


@pytest.mark.parametrize(
    ("duration", "written"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.3, "12 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s")],
)
def test_durations_are_short(duration: float, written: str) -> None:
    assert seconds(duration) == written


def test_an_empty_table_has_its_title_and_columns() -> None:
    assert list(table_lines("nodes", ["name", "url"], [])) == ["nodes", "name  url"]
