"""Programs are run without a shell, with a limit, and never hold the engine up."""

import time

from provision.node.system import run_program


def test_output_and_status_come_back_line_by_line():
    lines = []
    done = run_program(["sh", "-c", "echo one; echo two >&2; printf three; exit 4"], on_line=lines.append)
    assert (done.status, done.output) == (4, "one\ntwo\nthree")
    assert lines == ["one", "two"]


def test_a_program_that_is_not_there_is_a_status_and_no_exception():
    assert run_program(["/no/such/program"]).status == 127


def test_a_program_that_takes_too_long_is_killed_with_its_children():
    done = run_program(["sh", "-c", "sleep 1000 & echo started; wait"], timeout=0.5)
    assert done.status == 124
    assert "started" in done.output
    assert "was stopped after" in done.output


def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_engine_up():
    started = time.monotonic()
    done = run_program(["sh", "-c", "setsid sleep 20 & echo done"])
    assert (done.status, done.output) == (0, "done\n")
    assert time.monotonic() - started < 15


def test_only_the_end_of_a_very_long_output_is_kept():
    done = run_program(["seq", "100000"])
    assert done.output.endswith("99999\n100000\n")
    assert len(done.output.splitlines()) == 400
    assert done.tail(2) == "99999\n100000"


def test_arguments_are_never_read_by_a_shell():
    assert run_program(["echo", "$(id); *"]).output == "$(id); *\n"
