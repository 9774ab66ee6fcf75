"""A tunnel's key changes: two generations side by side, until all that began with the former has ended."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import HubError
from ..secrets import model
from ..secrets.model import Generation
from ..steps.tunnel import HANDSHAKE_SECONDS
from ..steps.tunnel_ends import near_host
from .job import Job
from .rotation import Rotation
from .tunnels import ask_far_end

PROOF_SECONDS = 20


def rotate_tunnel(job: Job, key: str) -> None:
    """Give a tunnel a new key, or finish the change that a former run began.

    Raises:
        HubError: a stage failed; the tunnel works as before, and the next run takes it up again.
    """
    tunnel = job.loaded.fleet.tunnels[key.removeprefix("tunnel/")]
    near, far = list(tunnel.sources), [tunnel.to]
    with job.loaded.secrets.locked():
        rotation = Rotation(job, key)
        rotation.begin([*far, *near])
        if found := rotation.found("next"):
            rotation.converge("both generations at all ends", [*far, *near])
            _prove(rotation, found, near)
            rotation.advance(model.promoted)
        if rotation.found("former"):
            rotation.converge("new connections by the new generation", near)
            rotation.advance(model.retired)
        if rotation.found("retired"):
            # spiped ends with its last connection: when the near ends are through, the far one has none left.
            rotation.converge("former generation drained and erased", near)
            rotation.converge("former generation erased at the far end", far)
            rotation.advance(model.forgotten)


def _prove(rotation: Rotation, generation: Generation, near: Sequence[str]) -> None:
    """Ask the far end through the new generation, from every near end."""
    tunnel = rotation.key.removeprefix("tunnel/")
    for node in near:
        with rotation.job.output.step(
            f"{rotation.key}: generation {generation.number} from {node}", node=node
        ) as step:
            answer = ask_far_end(
                rotation.job,
                tunnel,
                node,
                host=near_host(generation),
                seconds=PROOF_SECONDS,
                silence=HANDSHAKE_SECONDS + 1,
            )
            if answer.problem:
                raise _not_proven(tunnel, generation, node, answer.problem)
            step.update(f"the far end {answer}")


def _not_proven(tunnel: str, generation: Generation, node: str, problem: str) -> HubError:
    unit = f"spiped-{tunnel}-*@{generation.number}"
    return HubError(
        "not-proven",
        f"nothing comes from the far end of tunnel {tunnel} through generation {generation.number} of its key",
        why=f"from {node}: {problem}",
        hint=f"the former generation goes on; look with `journalctl -u '{unit}'` at both ends, "
        f"then run `hubctl rotate-key tunnel/{tunnel}` again",
    )
