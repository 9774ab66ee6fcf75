"""Whether the far end of a tunnel answers."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..services import TARGETS
from ..steps.tunnel import Question, target_of
from ..transport.ssh import connect
from .fleet import LoadedFleet

ENTRY = "127.0.0.1"
SILENCE_SECONDS = 5

# Fixed program: asks through a tunnel until it gets the answer that it expects.
# $1 address, $2 port, $3 question, $4 how the answer begins, $5 seconds to try again, $6 seconds of silence that mean
# it is open where nothing is asked.
_PROBE = """
import json, socket, sys, time
host, port, question, expected = sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]
seconds, silence = map(float, sys.argv[5:])

def ask():
    with socket.create_connection((host, port), timeout=silence) as sock:
        sock.sendall(question.encode())
        try:
            answer = sock.recv(4096)
        except TimeoutError:
            return (f"no answer within {silence:.0f} s", False) if question else ("", True)
        if not answer:
            return "the connection was closed without a byte", False
        line = answer.split(b"\\r\\n")[0].decode("latin-1")
        return "" if line.startswith(expected) else f"it answers {line[:80]!r}", False

deadline = time.monotonic() + seconds
while True:
    started = time.monotonic()
    try:
        problem, silent = ask()
    except OSError as error:
        problem, silent = str(error), False
    if not problem or time.monotonic() > deadline:
        break
    time.sleep(0.2)
ms = round(1000 * (time.monotonic() - started), 1)
print(json.dumps({"problem": problem, "silent": silent, "ms": ms}))
"""


@dataclass(frozen=True)
class Answer:
    """What came back through a tunnel.

    Args:
        problem: what went wrong, or nothing.
        silent: whether the connection stands and the service says nothing by itself.
        ms: how long it took, in milliseconds.
    """

    problem: str
    silent: bool
    ms: float

    def __str__(self) -> str:
        """Say it in a few words, after `the far end`."""
        if self.problem:
            return f"does not answer: {self.problem}"
        return "keeps the connection open" if self.silent else f"answers in {self.ms:.0f} ms"


def ask_far_end(
    loaded: LoadedFleet,
    name: str,
    node: str,
    *,
    host: str = ENTRY,
    seconds: float = 0,
    silence: float = SILENCE_SECONDS,
) -> Answer:
    """Ask the service at a tunnel's far end for its health, from a near end.

    Args:
        loaded: the fleet.
        name: the tunnel.
        node: the node at which it begins.
        host: loopback address of a generation, else the one that everybody there uses.
        seconds: how long to try again.
        silence: seconds after which a connection without a byte counts as open, where nothing can be asked.

    Raises:
        HubError: the node cannot be reached.
    """
    tunnel = loaded.fleet.tunnels[name]
    question = target_of(tunnel, TARGETS).question or Question("", "")
    argv = ["python3", "-c", _PROBE, host, str(tunnel.listen), question.text, question.expected]
    silence = SILENCE_SECONDS if question.text else silence
    argv += [str(seconds), str(silence)]
    with connect(loaded.target(node)) as session:
        result = session.run(argv, seconds=seconds + 2 * silence + 30)
    if result.status != 0:
        problem = result.stderr.strip()[-500:] or f"the probe ended with status {result.status}"
        return Answer(problem, silent=False, ms=0.0)
    return Answer(**json.loads(result.stdout))
