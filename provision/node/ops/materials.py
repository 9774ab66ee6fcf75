"""materials-push and materials-pull: a course comes into all homes of the hub now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Callable

from ..errors import NodeError
from ..peer import Peer
from ..releases.home import ROOT
from ..request import Request, exclusively
from ..run import Run
from ..system import Completed
from ..tally import Tally
from ..users import accounts, pushed, removal
from ..users.places import SLICE
from ..users.put import MOST_BYTES, MOST_FILES
from .turns import Came, in_turn

_PYTHON = f"{ROOT}/jupyterhub/users/bin/python"
_PULL = f"{ROOT}/jupyterhub/materials.py"
_AT_ONCE = 4
_PULL_SECONDS = 90
_TELLING = re.compile(r"^(fatal|error|[\w.]+Error): |: could not be brought up to date ")
_COUNTS = ("new", "updated", "kept", "conflict")


def materials_push(request: Request) -> int:
    """Put `files`, each `path` in the home and `sha256`, into the homes of `users`; the contents are asked for."""
    wanted = _wanted(request.manifest.get("files"))

    def body(run: Run, tally: Tally) -> None:
        names = _chosen(run, request)
        files = _received(run.peer, wanted) if names else {}
        rooms = pushed.rooms(run, names)
        _tell_each(run, tally, names, lambda name: pushed.push(run, name, files, rooms.get(name)))

    return exclusively(request, body, _count(request))


def materials_pull(request: Request) -> int:
    """Bring the materials of the last deploy up to date in the homes of `users`, as the start of a server does."""

    def body(run: Run, tally: Tally) -> None:
        if not run.path(_PULL).is_file():
            raise NodeError(
                "no-materials",
                "the node has no materials to put into homes",
                why=f"{_PULL} is not there",
                hint="deploy the node; then run the same command again",
            )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            names = _chosen(run, request)
            pulls = {name: pool.submit(_pull, run, name) for name in names}
            try:
                _tell_each(run, tally, names, lambda name: _pulled(pulls[name].result()))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return exclusively(request, body, _count(request))


def _names(run: Run) -> list[str]:
    return sorted(removal.staying(run))


def _count(request: Request) -> int:
    return len(request.manifest.get("users") or _names(request.run(apply=False)))


def _chosen(run: Run, request: Request) -> list[str]:
    """Return the `users` of a request; all where it names none.

    Raises:
        NodeError: it names somebody who is none.
    """
    known, chosen = _names(run), sorted({str(name) for name in request.manifest.get("users") or ()})
    accounts.see_known(chosen, known)
    return chosen or known


def _wanted(files: Any) -> dict[str, str]:
    """Read the files of a request: sha256 by path in the home.

    Raises:
        ValueError: they are not of the form.
    """
    wanted = {str(each["path"]): str(each["sha256"]) for each in files or ()}
    for path in wanted:
        if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
            raise ValueError(f"{path!r} is no path in a home")
    if not 0 < len(wanted) <= MOST_FILES:
        raise ValueError(f"{len(wanted)} files are none, or more than {MOST_FILES}")
    return wanted


def _received(peer: Peer, wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Ask for the contents; return them by path."""
    digests = list(dict.fromkeys(wanted.values()))
    peer.emit("need", blobs=digests)
    contents, total = {}, 0
    for digest in digests:
        contents[digest] = peer.receive()
        total += len(contents[digest])
        if total > MOST_BYTES or hashlib.sha256(contents[digest]).hexdigest() != digest:
            raise NodeError(
                "bad-upload", "what came is not what was announced", hint="run the same command again"
            )
    return {path: contents[digest] for path, digest in wanted.items()}


def _pull(run: Run, name: str) -> Completed:
    """Run what a server's start runs, as the user, in the bounds of all users' servers."""
    account = run.accounts.users()[name]
    unit = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit=hubctl-materials-{name}"]
    unit += [f"--slice={SLICE}", f"--uid={account.uid}", f"--gid={account.gid}"]
    for setting in (
        f"WorkingDirectory={accounts.home_of(name)}",
        f"RuntimeMaxSec={_PULL_SECONDS}",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "TasksMax=128",
        "UMask=0077",
    ):
        unit += ["--property", setting]
    unit += ["--setenv", f"HOME={accounts.home_of(name)}", "--", _PYTHON, _PULL]
    return run.system.run(unit, timeout=_PULL_SECONDS + 30)


def _pulled(done: Completed) -> dict[str, Any]:
    if not done.status:
        return _nothing("")
    told = [line for line in done.output.splitlines() if _TELLING.search(line)]
    return _nothing("\n".join(told[-4:]) or done.tail(3) or "it was ended before it was done")


def _tell_each(run: Run, tally: Tally, names: list[str], work: Callable[[str], dict[str, Any]]) -> None:
    """Do something for each user in turn; what goes wrong for one keeps nothing from the others."""
    results = []

    def turn(name: str) -> Came:
        result = _tried(work, name)
        results.append({"name": name, **result})
        return Came(
            tuple(f"{result[kind]} {kind}" for kind in _COUNTS if result[kind]), bool(result["problem"])
        )

    in_turn(run, tally, ((name, partial(turn, name)) for name in names))
    run.peer.emit("data", data={"users": results})


def _tried(work: Callable[[str], dict[str, Any]], name: str) -> dict[str, Any]:
    try:
        return work(name)
    except NodeError as error:
        return _nothing(error.message)
    except OSError as error:
        return _nothing(pushed.said(error))


def _nothing(problem: str) -> dict[str, Any]:
    return {**dict.fromkeys((*_COUNTS, "same"), 0), "beside": [], "problem": problem}
