"""What a deploy shows: a live line per node on a terminal, plain lines in CI, annotations on GitHub, events as JSON."""

import os
import pty
import re
import select
import subprocess
import sys
import termios

import pytest

from provision.errors import Exit
from provision.node.resources import Command, File
from tests.support import held

pytestmark = pytest.mark.nodes

NODES = ("one", "two", "three")
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def slow(fresh, tmp_path):
    """A plan that is held in the middle, on three nodes."""
    yield fresh.patched(tmp_path, only=True, resources=held.resources(tmp_path.name))
    for node in NODES:
        held.clean_up(fresh, node)


@pytest.fixture
def failing(fresh, tmp_path):
    fails = Command("fails", ("sh", "-c", "echo ::error::not GitHub\\'s; exit 3"), unless=("false",))
    return fresh.patched(tmp_path, only=True, resources=[fails])


class Terminal:
    """A command on a terminal of 100 columns."""

    def __init__(self, fleet, *words):
        self.text = ""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (30, 100))
        environment = {key: value for key, value in fleet.environment.items() if key != "NO_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, *fleet.program, *words],
            env={**environment, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read(self, *, until=lambda text: False):
        """Read until something is on the terminal, or to the end; return what came."""
        came = ""
        while not until(came) and select.select([self._master], [], [], 60)[0]:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # the other end is closed
                break
            came += data.decode()
        self.text += came
        return SEQUENCE.sub("", came)


def test_a_terminal_shows_each_node_with_its_current_step(fresh, slow):
    terminal = Terminal(slow, "deploy")
    for node in NODES:
        held.wait_until_held(fresh, node)
    live = terminal.read(until=lambda text: all(text.count(f"deploy {node}") > 5 for node in NODES))
    for node in NODES:
        assert re.search(rf"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] deploy {node} +[0-9.]+ s", live)
        held.let_go(fresh, node)
    rest = terminal.read()
    assert terminal.process.wait(timeout=60) == 0
    for node in NODES:
        assert re.search(rf"✓ deploy {node} \([0-9.]+ s\)", rest)
        assert f"{node}: 0 ok, 3 changed" in rest
    assert terminal.text.count("\x1b[?25l") <= terminal.text.count("\x1b[?25h"), "the cursor came back"


def test_an_interrupt_gives_the_terminal_back(fresh, slow):
    terminal = Terminal(slow, "deploy", "one")
    held.wait_until_held(fresh, "one")
    terminal.read(until=lambda text: "deploy one" in text)
    terminal.process.terminate()
    terminal.read()
    assert terminal.process.wait(timeout=60) == 143
    assert terminal.text.count("\x1b[?25l") <= terminal.text.count("\x1b[?25h")
    held.let_go(fresh, "one")
    held.wait_until_free(fresh, "one")


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}], ids=["no terminal", "CI"])
def test_elsewhere_there_are_plain_lines_with_the_time(fresh, tmp_path, environment):
    plan = fresh.patched(tmp_path, only=True, resources=[File("/etc/hubctl-output", tmp_path.name)])
    done = plan.done("deploy", "one", **environment)
    assert "\x1b" not in done.text
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in done.stderr.splitlines())
    assert "one: changed file:/etc/hubctl-output (" in done.stderr
    assert re.fullmatch(r"one: 0 ok, 1 changed \([0-9.]+ s\)\n", done.stdout)


def test_github_gets_an_annotation_for_each_node_that_failed_and_none_of_the_nodes_own(failing):
    done = failing.hubctl("deploy", "one", "two", GITHUB_ACTIONS="true", CI="true")
    assert done.status == Exit.FAILED
    commands = [line for line in done.text.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == 2
    for node, command in zip(("one", "two"), commands, strict=True):
        assert command.startswith(f"::error title=command-failed::{node}: command:fails")


def test_json_is_one_event_a_line_and_nothing_else(failing):
    for words in (
        ["deploy"],
        ["plan"],
        ["history", "one"],
        ["releases"],
        ["lock", "status"],
        ["rollback", "one"],
    ):
        done = failing.hubctl(*words, "--json")
        assert done.events, words
        assert all({"event", "time"} <= set(event) for event in done.events)
