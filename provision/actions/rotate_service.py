"""A service's own secret changes with a release: the next one is healthy on it before the former stops."""

from __future__ import annotations

from ..secrets import model
from .contexts import nodes_with
from .job import Job
from .rotation import Rotation


def rotate_service(job: Job, key: str) -> None:
    """Give a service a new secret on all its nodes, or finish the change that a former run began.

    Raises:
        HubError: a release is not healthy; the former serves with the former secret, and the next run tries again.
    """
    nodes = nodes_with(job.loaded.fleet, key)
    with job.loaded.secrets.locked():
        rotation = Rotation(job, key)
        rotation.begin(nodes)
        rotation.converge("a release with the new secret", nodes)
        rotation.advance(lambda found: model.forgotten(model.retired(model.promoted(found))))
