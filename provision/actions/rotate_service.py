"""A service's own secret changes with a release: the next one is healthy on it before the former stops."""

from __future__ import annotations

from ..output import Output
from ..secrets import model
from .contexts import nodes_with
from .fleet import LoadedFleet
from .job import Caller
from .rotation import Rotation


def rotate_service(loaded: LoadedFleet, key: str, caller: Caller, output: Output) -> None:
    """Give a service a new secret on all its nodes, or finish the change that a former run began.

    Raises:
        HubError: a release is not healthy; the former serves with the former secret, and the next run tries again.
    """
    nodes = nodes_with(loaded.fleet, key)
    with loaded.secrets.locked():
        rotation = Rotation(loaded, key, caller, output)
        rotation.begin(nodes)
        rotation.converge("a release with the new secret", nodes)
        rotation.advance(lambda found: model.forgotten(model.retired(model.promoted(found))))
