"""run: a command of the operator's own, on nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..errors import HubError
from ..output import Output
from ..transport.connect import connect
from .fleet import LoadedFleet
from .several import PARALLEL, at_once


@dataclass(frozen=True)
class Ran:
    """What became of a command on one node: its exit status, or the error that kept it from having one."""

    node: str
    status: int = 0
    error: HubError | None = None


def run(
    loaded: LoadedFleet,
    nodes: Sequence[str],
    argv: Sequence[str],
    output: Output,
    *,
    terminal: bool = False,
    parallel: int = PARALLEL,
) -> list[Ran]:
    """Run a command on nodes, several at once, and show its output line by line.

    Args:
        loaded: the fleet.
        nodes: names of nodes.
        argv: the program and its arguments, as they are.
        output: where lines go; those of several nodes are named.
        terminal: whether the command gets a terminal.
        parallel: how many nodes at once.
    """
    alone = len(nodes) == 1

    def say(node: str, stream: str, line: str) -> None:
        output.event("output", node=node, stream=stream, line=line)
        text = line if alone else f"{node}: {line}"
        (output.result if stream == "stdout" else output.line)(text)

    def one(node: str) -> Ran:
        from ..transport import people

        try:
            with connect(loaded.target(node)) as session:
                out, err = partial(say, node, "stdout"), partial(say, node, "stderr")
                return Ran(node, people.run(session, argv, stdout=out, stderr=err, terminal=terminal))
        except HubError as error:
            return Ran(node, error=error)

    return at_once(one, nodes, parallel)
