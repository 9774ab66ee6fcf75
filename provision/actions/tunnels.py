"""Whether the far end of a tunnel answers."""

from __future__ import annotations

from ..services import TARGETS
from ..steps.tunnel import Question, target_of
from ..transport.answers import Heard
from .job import Job

ENTRY = "127.0.0.1"
SILENCE_SECONDS = 5


def ask_far_end(
    job: Job,
    name: str,
    node: str,
    *,
    host: str = ENTRY,
    seconds: float = 0,
    silence: float = SILENCE_SECONDS,
) -> Heard:
    """Ask the service at a tunnel's far end for its health, from a near end.

    Args:
        job: the command at work.
        name: the tunnel.
        node: the node at which it begins.
        host: loopback address of a generation, else the one that everybody there uses.
        seconds: how long to try again.
        silence: seconds after which a connection without a byte counts as open, where nothing can be asked.
    """
    tunnel = job.loaded.fleet.tunnels[name]
    question = target_of(tunnel, TARGETS).question or Question("", "")
    outcome = job.ask(
        "ask",
        node,
        host=host,
        port=tunnel.listen,
        text=question.text,
        expected=question.expected,
        seconds=seconds,
        silence=SILENCE_SECONDS if question.text else silence,
    )
    return Heard(outcome.error.message) if outcome.error else outcome.data
