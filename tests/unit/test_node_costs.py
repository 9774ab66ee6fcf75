"""What a run costs a node: the programs it starts, and the packets in which it answers."""

import os
import subprocess

import pytest

from provision.node.manifest import dump
from provision.node.resources import KINDS, Directory, File, Unit
from provision.node.resources.base import Change
from tests.support.node_engine import PROGRAMS, engine_folder, oldest_python, python

UNIT = "[Service]\nExecStart=/bin/true\n"
FILES = [File(f"/etc/app/{number}.conf", f"{number}\n") for number in range(40)]
UNITS = [
    resource
    for name in ("a.service", "b.service", "c.service")
    for resource in (
        File(f"/etc/systemd/system/{name}", UNIT),
        Unit(name, restart_on=(f"file:/etc/systemd/system/{name}",), enabled=False),
    )
]
PLAN = [Directory("/etc/app"), *FILES, *UNITS]


@pytest.fixture
def converged(machine):
    machine.converge(PLAN)
    machine.forget_calls()
    return machine


def packets(machine, request):
    """Run the engine to its end; return what it wrote, one item for each write."""
    read, write = os.pipe2(os.O_DIRECT)  # keeps writes apart
    process = subprocess.Popen(
        [oldest_python(), "-s", str(PROGRAMS), str(machine.root)],
        stdin=subprocess.PIPE,
        stdout=write,
        env={**os.environ, "PYTHONPATH": str(engine_folder())},
    )
    os.close(write)
    process.stdin.write(request)
    process.stdin.flush()
    found = []
    while packet := os.read(read, 1 << 16):
        found.append(packet)
    os.close(read)
    process.stdin.close()
    process.wait(timeout=60)
    return found


def test_a_run_without_changes_starts_one_program(converged):
    run = converged.converge(PLAN)
    assert (run.end["changed"], run.end["ok"]) == (0, len(PLAN))
    assert [call[0] for call in converged.calls("systemctl")] == ["show"]
    assert len(converged.read("fake/calls.jsonl").splitlines()) == 1


def test_units_are_looked_at_again_after_a_change_before_them(converged):
    """The answer that was asked for at the start of the run is older than the change."""
    converged.write("etc/app/7.conf", "other\n")
    run = converged.converge(PLAN)
    assert run.changed == ["file:/etc/app/7.conf"]
    assert [call[0] for call in converged.calls("systemctl")] == ["show", "show"]


def test_a_run_without_changes_answers_in_few_packets(converged):
    request = converged.request(op="converge", apply=True, resources=dump(tuple(PLAN)))
    found = packets(converged, request)
    assert b"".join(found).count(b"\n") == len(PLAN) + 2
    assert len(found) <= 4  # start, what is as it should be, end; one more where the computer is slow


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_the_engines_start_imports_what_it_needs_alone(version):
    """Each run waits for what its start imports."""
    start = [python(version), "-I", "-S", "-X", "importtime", str(engine_folder())]
    done = subprocess.run(start, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "hubctl_node.request" in modules
    assert "hubctl_node.resources" not in modules  # imported while systemd answers
    assert not {"ast", "dis", "inspect", "datetime", "http.client", "shutil", "socket", "ssl"} & modules


def test_the_engines_classes_share_their_methods():
    """Writing and compiling methods for each class took a third of a start."""
    own = [
        kind
        for kind in KINDS
        if "__eq__" in vars(kind) and vars(kind)["__eq__"] is not vars(Change)["__eq__"]
    ]
    assert own == []


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_what_dataclasses_want_of_inspect_they_get(version):
    head = (engine_folder() / "__main__.py").read_text().partition("from hubctl_node")[0]
    code = head + (
        "import dataclasses, inspect\n"
        "for name in 'AB':\n    print(dataclasses.make_dataclass(name, [('x', int)]).__doc__)\n"
        "import inspect\nprint(inspect.signature(len))\n"
    )
    done = subprocess.run([python(version), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["A(x: int)", "B(x: int)", "(obj, /)"]
