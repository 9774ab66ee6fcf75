"""How nodes are, and whether the tunnels that begin at them lead anywhere: all asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from ..inventory.model import Node
from ..services import RECIPES
from ..transport.answers import Heard
from .job import Job
from .outcome import Outcome
from .several import at_once
from .tunnels import ask_far_end

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class NodeStatus:
    """One node: the engine's answer, and that of the far end of each tunnel that begins there."""

    outcome: Outcome
    tunnels: Mapping[str, Heard]


def status(job: Job, nodes: Sequence[str]) -> list[NodeStatus]:
    """Ask nodes and their tunnels; errors are in the outcomes and answers."""
    begins = [
        (name, node)
        for node in nodes
        for name, tunnel in job.loaded.fleet.tunnels.items()
        if node in tunnel.sources
    ]
    outcomes: dict[str, Outcome] = {}
    answers: dict[tuple[str, str], Heard] = {}

    def ask_node(node: str) -> None:
        outcomes[node] = job.ask("status", node, services=questions_to(job.loaded.fleet.nodes[node]))

    def ask_tunnel(name: str, node: str) -> None:
        answers[name, node] = ask_far_end(job, name, node)

    questions: list[Callable[[], None]] = [partial(ask_node, node) for node in nodes]
    questions += [partial(ask_tunnel, name, node) for name, node in begins]
    at_once(lambda question: question(), questions)
    return [
        NodeStatus(outcomes[node], {name: answers[name, at] for name, at in begins if at == node})
        for node in nodes
    ]


def questions_to(node: Node) -> dict[str, dict[str, str | int]]:
    """Return what each service of a node, and each part of one, is asked at its own place to know that it is well."""
    asked: dict[str, dict[str, str | int]] = {}
    for recipe in RECIPES:
        if recipe.of(node) is None:
            continue
        for name, target in recipe.targets.items():
            if target.question is not None:
                asked[name] = {"host": target.socket, **asdict(target.question)}
        for name, place in recipe.places.items():
            asked[name] = {"host": LOOPBACK, "port": place.port, **asdict(place.question)}
    return asked
