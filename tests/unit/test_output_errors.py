"""Errors, GitHub's annotations, JSON events, and text made harmless."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import typer

from provision.commands.options import command
from provision.errors import HubError, HubErrors, Position
from provision.output.text import clean, harmless_in_actions, seconds, table_lines
from tests.support.outputs import HARMLESS, STAMP, as_json, events, everything, plain


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
    assert events(stdout)[0]["text"] == HARMLESS
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


@pytest.mark.parametrize(
    "text",
    [
        "::error::x",
        " \t::x",
        ":::x",
        "a\n::x",
        "a\r::x",
        "a\u2028::x",
        "a\x0b::x",
        "a\x85::x",
        "\x00::x",
        "a\x1c::x",
    ],
)
def test_workflow_commands_are_broken_up(text: str) -> None:
    assert not re.search(r"^\s*::", harmless_in_actions(text), re.MULTILINE)
    output, stdout, stderr = plain(GITHUB_ACTIONS="true", CI="true")
    output.result(text)
    output.line(text)
    output.diff(text)
    output.table("t", ["a", text], [[text, "b"]])
    output.error(HubError("bad", text, why=text, hint=text))
    shown = [
        line for line in (stdout.getvalue() + stderr.getvalue()).splitlines() if line.strip().startswith("::")
    ]
    assert [line.partition(" ")[0] for line in shown] == ["::error"]


def test_an_annotation_is_one_workflow_command_whatever_is_in_it() -> None:
    output, _, stderr = plain(GITHUB_ACTIONS="true", CI="true")
    forged = "x\n::set-output name=a::b,c%"
    output.error(HubError(forged, forged, where=Position(forged, 1, 1)))
    (shown,) = [line for line in stderr.getvalue().splitlines() if line.startswith("::")]
    escaped = "x%0A%3A%3Aset-output name=a%3A%3Ab%2Cc%25"
    assert shown == f"::error file={escaped},line=1,col=1,title={escaped}::x%0A::set-output name=a::b,c%25"


@pytest.mark.parametrize(
    ("duration", "written"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.3, "12 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s")],
)
def test_durations_are_short(duration: float, written: str) -> None:
    assert seconds(duration) == written


def test_an_empty_table_has_its_title_and_columns() -> None:
    assert list(table_lines("nodes", ["name", "url"], [])) == ["nodes", "name  url"]


def test_something_that_ends_too_early_ends_no_command_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as caught, command(json=False):
        raise EOFError
    assert caught.value.exit_code == 1
    assert "[ended-early]" in capsys.readouterr().err
