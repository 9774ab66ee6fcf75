"""Outputs to write to in tests, and text that would steer a terminal."""

from __future__ import annotations

import io
import json
import re

from provision.errors import HubError
from provision.output import Output

HOSTILE = "[bold]x[/bold] [x] \x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2J\u202eback :smile: \x08"
HARMLESS = "[bold]x[/bold] [x] red 2Jback :smile: "
STAMP = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)


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
