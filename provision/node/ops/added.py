"""packages-list, packages-add and packages-remove: what admins of the hub add in the browser, on the node alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .. import audit
from ..errors import NodeError
from ..locks import asked_for, by_name, normal, pins, versions
from ..request import Request, exclusively
from ..run import Run
from ..tally import Tally
from ..users import added
from ..users.added import Added
from ..users.places import PACKAGES
from .answer import answer
from .packages import Wish, resolve

Asked = Mapping[str, str]
"""Requirements by the normal names of their packages."""


def packages_list(request: Request) -> int:
    """Answer with what was `added` (name, asked, version) and the `others` that users have (name, version)."""
    run = request.run(apply=False)
    mine, own = added.read(run, PACKAGES), _deployed(run).requirements
    found = versions(own, mine.lock)
    rows = [
        {"name": name, "asked": asked, "version": found.get(name, "")}
        for name, asked in sorted(mine.by_name().items())
    ]
    others = {pin.name: pin.version for pin in pins(own)}
    brought = [{"name": name, "version": version} for name, version in sorted(others.items())]
    return answer(request, {"added": rows, "others": brought})


def packages_add(request: Request) -> int:
    """Add what is `asked` for, in its newest fitting versions."""
    wanted = _requirements(request.manifest.get("asked") or ())
    return _exclusively(request, lambda asked: {**asked, **wanted}, list(wanted))


def packages_remove(request: Request) -> int:
    """Remove what was added by these `names`, and what only they needed."""
    names = {normal(str(name)) for name in request.manifest.get("names") or ()}

    def without(asked: Asked) -> Asked:
        return {name: each for name, each in asked.items() if name not in names}

    return _exclusively(request, without, ())


def _exclusively(request: Request, change: Callable[[Asked], Asked], newest: Sequence[str]) -> int:
    return exclusively(request, lambda run, tally: _change(run, tally, change, newest), 1)


def _change(run: Run, tally: Tally, change: Callable[[Asked], Asked], newest: Sequence[str]) -> None:
    """Resolve first; then keep what was found, and have the environment with it. What fails leaves all as it was."""
    from ..engine import alone

    environment, former = _deployed(run), added.read(run, PACKAGES)
    asked = tuple(change(former.by_name()).values())
    lock = ""
    if asked:
        run.peer.emit("progress", id=environment.id, text=f"resolving {', '.join(asked)}")
        lock = resolve(run, Wish(asked, newest, environment.requirements, former.lock, environment.uv))
        pins(lock)
    added.write(run, PACKAGES, Added(asked, lock))
    run.peer.emit("progress", id=environment.id, text="building the next environment")
    try:
        alone(run, environment, tally)
    except (NodeError, OSError):
        added.write(run, PACKAGES, former)
        raise


def _deployed(run: Run) -> Any:
    """Return the environment of users, as the last deploy wanted it.

    Raises:
        NodeError: there was none.
    """
    from ..manifest import load
    from ..resources import PythonEnv

    for each in audit.last_plan(run.state).get("resources", []):
        if each.get("kind") == PythonEnv.kind and each.get("added") == PACKAGES:
            return load(each, "the last plan")
    raise NodeError("not-deployed", "no hub was deployed here", hint="`hubctl deploy NODE`")


def _requirements(words: Sequence[Any]) -> dict[str, str]:
    try:
        return by_name(asked_for(str(word)) for word in words)
    except ValueError as error:
        why = f"{error}: a name, perhaps extras and versions, such as pandas[excel]>=2,<4"
        raise NodeError("bad-package", "nothing was changed: this cannot be asked for", why=why) from None
