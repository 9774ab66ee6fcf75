"""What `--json` writes is what its reference says: every kind, every field, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec

import provision
from provision.output.events import EVENTS, fields, page
from provision.transport import answers
from tests.support.outputs import as_json, events

SOURCE = Path(provision.__file__).parent
ROOT = SOURCE.parent


def written() -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls that write events, by kind."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "event" and node.args:
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"
                yield str(node.args[0].value), node


def test_every_kind_that_is_written_is_described_and_no_other() -> None:
    assert {kind for kind, _ in written()} == set(EVENTS)


def test_every_field_that_is_written_is_described() -> None:
    for kind, call in written():
        given = {keyword.arg for keyword in call.keywords if keyword.arg}
        known = fields(EVENTS[kind])
        assert given <= set(known), (kind, given)
        if all(keyword.arg for keyword in call.keywords) and kind != "outcome":
            assert {name for name, (_, always, _) in known.items() if always} <= given, (kind, given)


def test_answers_of_nodes_are_described_as_they_are_read() -> None:
    for kind, answer in (
        ("status", answers.Status),
        ("release", answers.Release),
        ("run", answers.Done),
        ("user", answers.User),
        ("materials", answers.Pushed),
    ):
        names = {field.encode_name for field in msgspec.structs.fields(answer)}
        own = {"inventory"} if kind == "user" else set()  # which no node knows
        assert set(fields(EVENTS[kind])) == {"node", *names, *own}


def test_steps_have_their_node() -> None:
    output, stdout, _ = as_json()
    with output.step("deploy apis", node="apis") as step:
        step.update("unpacking")
    assert [(event["node"], event["state"]) for event in events(stdout)] == [
        ("apis", "started"),
        ("apis", "running"),
        ("apis", "done"),
    ]
    assert all(set(event) - {"event", "time"} <= set(fields(EVENTS["step"])) for event in events(stdout))


def test_the_reference_is_made_of_the_definitions() -> None:
    """Write it again with `python -c 'from provision.output.events import page; print(page(), end="")'`."""
    assert (ROOT / "docs/reference/events.md").read_text() == page()
