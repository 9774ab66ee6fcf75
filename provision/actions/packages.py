"""Packages for the users of a hub: resolved on its node, kept beside the inventory; a deploy brings them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..bundles import lock
from ..errors import Exit, HubError
from ..inventory.packages import Extra, path_for, read, requirement, text_of
from ..inventory.people import SERVICE
from ..inventory.suggest import did_you_mean
from ..node.files import remove, write_file
from ..node.locks import by_name, name_of, normal, pins, versions
from ..services.jupyterhub import USERS_LOCK
from ..steps.runtime import UV
from ..transport.engine import garbled
from .claims import claimed
from .fleet import LoadedFleet
from .inventory_packages import place_of_package, see_they_can_be_asked_for
from .inventory_packages import wanted as wanted_by_inventory
from .job import Job
from .outcome import Outcome
from .users import hub_node

if TYPE_CHECKING:
    from ..transport.answers import Package

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
    base = by_name(wanted_by_inventory(job.loaded, node))
    for name in wanted.keys() & base.keys():
        if wanted[name] != base[name] and name_of(wanted[name]) != normal(wanted[name]):
            raise _of_the_inventory(job, node, name, f"asks for {base[name]}")
    own = {name: each for name, each in wanted.items() if name not in base}
    return _change(job, node, lambda asked: {**asked, **own}, newest=list(wanted))


def drop(job: Job, node: str, names: Sequence[str]) -> tuple[Extra, list[Package]]:
    """Keep packages no longer, those that were added in the browser included; return what is left, of these too.

    Raises:
        HubError: a name is probably a slip, or the inventory's, or the node cannot be asked; nothing was changed. Or
            the node could not do without those of the browser, after the rest was changed.
    """
    for name in names:
        if name in by_name(wanted_by_inventory(job.loaded, node)):
            raise _of_the_inventory(job, node, name, "asks for it")
    added, outcome = added_in_browser(job, node)
    if outcome.error is not None:
        raise outcome.error
    of_browser = {each.name: each.asked for each in added}

    def without(asked: Asked) -> dict[str, str]:
        _see_no_slip(node, names, {**of_browser, **asked})
        return {name: each for name, each in asked.items() if name not in names}

    left = _change(job, node, without, newest=())
    if gone := [name for name in names if name in of_browser]:
        outcome = job.ask("packages-remove", node, names=gone)
        if outcome.error is not None:
            raise outcome.error
    return left, [each for each in added if each.name not in names]


def _see_no_slip(node: str, names: Sequence[str], asked: Asked) -> None:
    for name in names:
        if name not in asked and (near := did_you_mean(name, asked)):
            raise HubError(
                "unknown-package",
                f"{name} was not asked for on {node}",
                why=f"asked for: {', '.join(asked.values())}",
                hint=near,
                exit_code=Exit.USAGE,
            )


def added_in_browser(job: Job, node: str) -> tuple[list[Package], Outcome]:
    """Return what admins added in the browser, which the node alone knows, and how it answered.

    A node that was not made yet, or has no hub yet, has nothing of the kind: that is no error.
    """
    outcome = job.ask("packages-list", node)
    if outcome.error is not None and outcome.error.code in ("not-created", "not-deployed"):
        return [], Outcome(node)
    return [] if outcome.error is not None else outcome.data.added, outcome


def settle(job: Job, node: str, *, keep: bool = True) -> str:
    """Resolve what the inventory names now, and what was added beside; return the lock.

    Args:
        job: the fleet, who asks, and where progress is shown.
        node: the hub's node.
        keep: whether it is written beside the inventory.

    Raises:
        HubError: it cannot be had together, or the node cannot be asked; nothing was changed.
    """
    lock_ = _change(job, node, lambda asked: asked, newest=(), keep=keep).lock
    if keep:
        path = path_for(job.loaded.path, node)
        job.output.line(
            f"{node}: packages of the inventory are resolved in {path}, which belongs into version control"
        )
    return lock_


def resolved(extra: Extra, added: Sequence[Package] = ()) -> list[tuple[str, str, str, str]]:
    """Return name, requirement, version and source of what is asked for, in order of names.

    Args:
        extra: what the inventory and the command ask for.
        added: what admins added in the browser; a package that is asked for there too is there twice.
    """
    found = versions(lock(USERS_LOCK), extra.lock)
    sources = {
        **{name: (each, "command") for name, each in by_name(extra.asked).items()},
        **{name: (each, "inventory") for name, each in by_name(extra.base).items()},
    }
    rows = [(name, each, found.get(name, ""), source) for name, (each, source) in sources.items()]
    return sorted([*rows, *((each.name, each.asked, each.version, "browser") for each in added)])


def _of_the_inventory(job: Job, node: str, name: str, says: str) -> HubError:
    return HubError(
        "in-inventory",
        f"{name} is a package of the inventory, which {says}",
        hint=f"change it there, then `hubctl deploy {node}`; "
        f"its newest fitting version: `hubctl packages add {name}`",
        exit_code=Exit.INVENTORY,
        where=place_of_package(job.loaded, node, name),
    )


def _change(
    job: Job, node: str, change: Callable[[Asked], Asked], newest: Sequence[str], *, keep: bool = True
) -> Extra:
    """Change what is asked for beside the inventory's; whoever else does so on this computer waits."""
    inventory, base = job.loaded.path, wanted_by_inventory(job.loaded, node)
    see_they_can_be_asked_for(job.loaded, node)
    with claimed(job, node) if keep else nullcontext():
        former = read(inventory, node)
        asked = {
            name: each for name, each in change(by_name(former.asked)).items() if name not in by_name(base)
        }
        every = (*base, *asked.values())
        lock_ = _resolve(job, node, every, former.lock, newest) if every else ""
        extra = Extra(tuple(asked.values()), lock_, base)
        if keep and every:
            write_file(path_for(inventory, node), text_of(node, extra), 0o644)
        elif keep:
            remove(path_for(inventory, node))
        return extra


def _resolve(job: Job, node: str, asked: Sequence[str], former: str, newest: Sequence[str]) -> str:
    """Have the node resolve what is asked for, for its Python and beside what its users have; return the lock."""
    with job.output.step(f"resolve {', '.join(asked)}", node=node):
        outcome = job.ask(
            "packages-resolve",
            node,
            asked=list(asked),
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
