"""The change of one secret that nodes use: its state in the secrets file, and the nodes brought to it.

Each stage writes the state first and then converges the nodes, whose plans follow from it; so whatever is killed, the
next run finds out how far the change has come and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..errors import HubError
from ..secrets import model
from ..secrets.model import Generation, Generations, Status
from .contexts import new_key
from .deploy import deploy
from .job import Job
from .outcome import Outcome


@dataclass(frozen=True)
class Rotation:
    """One secret under change.

    Args:
        job: the command at work.
        key: the secret's name.
    """

    job: Job
    key: str

    def begin(self, nodes: Sequence[str]) -> None:
        """Put a next generation beside the current one, unless a former run has begun already.

        Raises:
            HubError: there is no secret yet, or the nodes would change in more than it.
        """
        if model.in_motion(self._generations()):
            return
        self._refuse_pending_changes(nodes)
        self.advance(lambda found: model.begun(found, new_key(), datetime.now(UTC)))

    def found(self, status: Status) -> Generation | None:
        """Return the generation of a status, as the secrets file has it now."""
        return model.with_status(self._generations(), status)

    def advance(self, step: Callable[[Generations], Generations]) -> None:
        """Write the next state."""
        generations = step(self._generations())
        document = self.job.loaded.secrets.read()
        self.job.loaded.secrets.write(document.with_secret(self.key, generations))
        states = {str(item.number): item.status for item in generations}
        self.job.output.event("rotation", key=self.key, generations=states)

    def converge(self, what: str, nodes: Sequence[str]) -> None:
        """Bring nodes to the present state, all at once.

        Raises:
            HubError: of the first that failed.
        """
        self.job.output.line(f"{self.key}: {what}")
        _checked(deploy(self.job, nodes))

    def _generations(self) -> Generations:
        found = self.job.loaded.secrets.read().generations(self.key)
        if not found:
            why = "it is made by the first deploy"
            raise HubError("no-key", f"{self.key} does not exist yet", why=why, hint="hubctl deploy")
        return found

    def _refuse_pending_changes(self, nodes: Sequence[str]) -> None:
        """Make sure that converging the nodes changes this secret and nothing else."""
        outcomes = _checked(deploy(self.job, nodes, apply=False))
        changing = [outcome.node for outcome in outcomes if outcome.changed]
        if changing:
            raise HubError(
                "changes-pending",
                f"{', '.join(changing)} would change in more than {self.key}",
                why="the inventory or the node has changed since the last deploy",
                hint=f"`hubctl plan {' '.join(changing)}`, then `hubctl deploy {' '.join(changing)}`",
            )


def _checked(outcomes: list[Outcome]) -> list[Outcome]:
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return outcomes
