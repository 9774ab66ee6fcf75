"""Programs in the place of the engine: what a node may say that is not to be trusted, and which error that is."""

from __future__ import annotations

from typing import NamedTuple

_SPEECH = """\
import json, os, sys

def raw(data):
    try:
        os.write(1, data)
    except OSError:
        os._exit(0)

def say(event, **fields):
    raw(json.dumps({"event": event, **fields}).encode() + b"\\n")

def end(result="done", status=0):
    say("end", ok=0, changed=0, failed=0, seconds=0.1, result=result)
    os._exit(status)

"""


class Lie(NamedTuple):
    """A program, and the code of the error that it is."""

    program: str
    code: str = "engine-garbled"


def _lie(program: str, code: str = "engine-garbled") -> Lie:
    return Lie(_SPEECH + program, code)


STEERING = (
    "\\x1b[2J\\x1b]0;owned\\x07 \\u202eevil\\n::set-output name=a::b\\r\\n::error::owned\\u2028::add-mask::x"
)
LIES = {
    "nothing": _lie("", "engine-died"),
    "silent": _lie("os.close(1); os.close(2)", "engine-died"),
    "list": _lie('raw(b"[]\\n"); end()'),
    "object": _lie('raw(b"{}\\n"); end()'),
    "nil": _lie('raw(b"null\\n"); end()'),
    "blob": _lie('say("need", blobs=["b" * 64]); sys.stdin.buffer.read(8); end()'),
    "bytes": _lie('raw(b\'{"event":"progress","id":"","text":"\\xff\\xfe"}\\n\'); end()'),
    "deep": _lie('raw(b"[" * 200_000 + b"\\n"); end()'),
    "types": _lie('say("resource", id=["x"], status="changed", changes=None, seconds="long"); end()'),
    "early": _lie('raw(b"x" * 10); raw(b"\\n"); end()'),
    "half": _lie('say("start", total=3); raw(b\'{"event":"resour\'); os._exit(0)', "engine-died"),
    "code": _lie('say("error", id="", code="x\\n::set-output name=a::b", message="m"); end("failed", 1)'),
    "steering": _lie(
        f'text = "{STEERING}"\nsay("progress", id="", text=text); say("unit", name=text, action=text, why=[])\n'
        'say("resource", id=text, status="changed", changes=[{"what": text, "diff": text}], seconds=0.1)\n'
        'say("error", id=text, code="disk-full", message=text, why=text, hint=text); end("failed", 1)',
        "disk-full",
    ),
    "status": _lie('end("failed", 0)'),
    "after": _lie(
        'raw(b\'{"event":"end","ok":0,"changed":0,"failed":0,"seconds":0,"result":"done"}\\n\' * 2)'
    ),
}
LOUD = {
    "long": _lie('while True:\n    raw(b"x" * 65536)'),
    "endless": _lie('while True:\n    say("progress", id="", text="half")'),
}
ANSWERS = {
    "quiet": _lie("end()"),
    "answer": _lie(
        'say("data", data={"processes": "none", "releases": [[]], "runs": [7], "holder": []}); end()'
    ),
}
