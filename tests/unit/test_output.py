"""What people see: on a terminal, in a file, in CI."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from provision.output import Output
from tests.support.outputs import HARMLESS, STAMP, everything, plain


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
        "from provision.output import Output\nfrom provision.output.streams import open_lasting\nimport sys\n"
        "open_lasting()\noutput = Output.choose()\n"
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


@pytest.mark.parametrize("width", [60, 100])
def test_a_long_note_leaves_the_step_its_time_and_the_spinner_whole(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    output = Output.choose(environ={}, stdout=terminal.stream, stderr=terminal.stream)
    with output.step("deploy apis") as step, output.step("deploy workers-of-the-lab") as other:
        for each in (step, other):
            each.update("unpacking " + "python3-very-long-name " * 40)
        time.sleep(0.3)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.text())
    rows = [row for row in shown.splitlines() if "unpacking" in row]
    assert rows
    for row in rows:
        assert re.match(r"\r?[⠀-⣿] deploy (apis( {14})?|workers-of-the-lab) \d\.\d s unpacking .*…$", row)
        assert len(row.lstrip("\r")) <= width


def test_a_step_tells_what_goes_on_and_then_what_is_so() -> None:
    output, _, stderr = plain()
    with output.step("making the machine", done="action complete"):
        pass
    assert re.fullmatch(
        r"making the machine …\naction complete … done in \d\.\d s\n", STAMP.sub("", stderr.getvalue())
    )


def test_progress_without_a_step_names_its_node() -> None:
    output, _, stderr = plain()
    output.progress("waiting for the workers", "apis")
    assert STAMP.sub("", stderr.getvalue()) == "apis: waiting for the workers\n"
