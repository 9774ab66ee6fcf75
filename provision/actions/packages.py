"""Packages for the users of a hub: resolved on its node, kept beside the inventory; a deploy brings them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..bundles import lock
from ..errors import Exit, HubError
from ..inventory.packages import Extra, name_of, path_for, pins, read, requirement, text_of, versions
from ..inventory.people import SERVICE
from ..inventory.suggest import did_you_mean
from ..node.files import remove, write_file
from ..services.jupyterhub import USERS_LOCK
from ..steps.runtime import UV
from ..transport.engine import garbled
from .claims import claimed
from .fleet import LoadedFleet
from .job import Job
from .users import hub_node

Asked = Mapping[str, str]
"""Requirements by the normal names of their packages."""


def node_of(loaded: LoadedFleet, name: str) -> str:
    """Return the node whose hub is meant.

    Raises:
        HubError: there is none, or several; or the one that is named has no hub.
    """
    node = hub_node(loaded, name, "hubctl packages list")
    if SERVICE not in loaded.fleet.nodes[node].services.present():
        raise HubError(
            "no-hub",
            f"node {node} has no hub",
            why=f"it has not the service {SERVICE}",
            hint=f"give it one under `services` in {loaded.path}, or name another node",
            exit_code=Exit.USAGE,
        )
    return node


def requirements(words: Sequence[str]) -> dict[str, str]:
    """Return what an operator asks for.

    Raises:
        HubError: a word is no requirement, or a package is named twice.
    """
    found: dict[str, str] = {}
    bad = []
    for word in words:
        try:
            wanted = requirement(word)
        except ValueError as error:
            bad.append(str(error))
            continue
        if found.setdefault(name_of(wanted), wanted) != wanted:
            bad.append(f"{found[name_of(wanted)]} and {wanted} ask for the same package twice")
    if bad:
        raise HubError(
            "bad-package",
            "nothing was changed: this cannot be asked for",
            why="\n".join(bad),
            hint='a name, perhaps extras and versions: `hubctl packages add emoji "pandas[excel]>=2,<4"`',
            exit_code=Exit.USAGE,
        )
    return found


def add(job: Job, node: str, wanted: Asked) -> Extra:
    """Keep more packages, those that are there already in their newest version; return all that is asked for then.

    Raises:
        HubError: they cannot be had together, or the node cannot be asked; nothing was changed.
    """
    return _change(job, node, lambda asked: {**asked, **wanted}, newest=list(wanted))


def drop(job: Job, node: str, names: Sequence[str]) -> Extra:
    """Keep packages no longer; return what is still asked for.

    Raises:
        HubError: a name is probably a slip, or the node cannot be asked; nothing was changed.
    """

    def without(asked: Asked) -> dict[str, str]:
        for name in names:
            if name not in asked and (near := did_you_mean(name, asked)):
                raise HubError(
                    "unknown-package",
                    f"{name} was not asked for on {node}",
                    why=f"asked for: {', '.join(asked.values())}",
                    hint=near,
                    exit_code=Exit.USAGE,
                )
        return {name: each for name, each in asked.items() if name not in names}

    return _change(job, node, without, newest=())


def resolved(extra: Extra) -> list[tuple[str, str, str]]:
    """Return name, requirement and version of what is asked for, in order of names."""
    found = versions(lock(USERS_LOCK), extra.lock)
    return [(name, each, found.get(name, "")) for name, each in sorted(extra.by_name().items())]


def _change(job: Job, node: str, change: Callable[[Asked], Asked], newest: Sequence[str]) -> Extra:
    """Change what is asked for; whoever else does so on this computer waits."""
    inventory = job.loaded.path
    with claimed(job, node):
        former = read(inventory, node)
        asked = change(former.by_name())
        if not asked:
            remove(path_for(inventory, node))
            return Extra()
        extra = Extra(tuple(asked.values()), _resolve(job, node, asked, former.lock, newest))
        write_file(path_for(inventory, node), text_of(node, extra), 0o644)
        return extra


def _resolve(job: Job, node: str, asked: Asked, former: str, newest: Sequence[str]) -> str:
    """Have the node resolve what is asked for, for its Python and beside what its users have; return the lock."""
    with job.output.step(f"resolve {', '.join(asked.values())}", node=node):
        outcome = job.ask(
            "packages-resolve",
            node,
            asked=list(asked.values()),
            newest=list(newest),
            beside=lock(USERS_LOCK),
            former=former,
            uv=UV,
        )
        if outcome.error is not None:
            raise outcome.error
    found: str = outcome.data.lock
    try:
        pins(found)
    except ValueError as error:
        raise garbled(node, f"of its lock {error}") from None
    return found
