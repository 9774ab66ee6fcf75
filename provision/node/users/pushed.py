"""What was pushed into homes: noted for each user, where only root reads and writes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import from_os_error
from ..facts import Account
from ..files import make_directories, remove
from ..run import Run
from ..state import load, save, typed
from . import accounts
from .drop import as_user
from .places import SETTINGS, STATE
from .put import Put

NOTES = f"{STATE}/pushed"
_SECONDS = 120


def push(run: Run, name: str, files: Mapping[str, bytes], room: int | None) -> dict[str, Any]:
    """Put files into a user's home, as the user; return what became of them (`Put.result`).

    Args:
        run: the run.
        name: the user's name.
        files: contents by their paths in the home.
        room: bytes that the home may take more, or None for any number.

    Raises:
        NodeError: the home or the note of what was pushed is none.
        OSError: such as a home that is not there.
    """
    account = run.accounts.users()[name]
    known = _known(run, name, account)
    with _opened(run, name) as home:

        def work() -> dict[str, Any]:
            put = Put(home, known, room)
            put.put_all(files)
            return {"result": put.result(), "known": put.known}

        done = as_user(account, _SECONDS, work)
    run.stage("put")
    if done["known"] != known:
        folder = run.path(NOTES)
        make_directories(folder)
        folder.chmod(0o700)
        save(folder / f"{name}.json", {"uid": account.uid, "files": done["known"]})
    result: dict[str, Any] = done["result"]
    return result


@contextlib.contextmanager
def _opened(run: Run, name: str) -> Iterator[int]:
    handle = os.open(accounts.at_home(run, name), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _known(run: Run, name: str, account: Account) -> dict[str, str]:
    """Return the version of each path that was pushed to this account; a namesake's count for nothing."""
    path = run.path(f"{NOTES}/{name}.json")
    hint = f"on the node: move {path} away; then what is in the home counts as its owner's"

    def read(data: Any) -> dict[str, str]:
        files = {typed(key, str): typed(value, str) for key, value in data["files"].items()}
        return files if data["uid"] == account.uid else {}

    return load(path, "pushed", hint, read) or {}


def forget(run: Run, name: str) -> None:
    """Forget what was pushed to a user."""
    remove(run.path(f"{NOTES}/{name}.json"))


def rooms(run: Run, names: list[str]) -> dict[str, int]:
    """Return how many bytes homes may take more, where the hub has a limit."""
    try:
        limit = int(json.loads(run.path(SETTINGS).read_bytes())["disk"]) << 20
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not limit:
        return {}
    used = accounts.bytes_of(run, [accounts.home_of(name) for name in names])
    return {name: max(limit - used.get(accounts.home_of(name), limit), 0) for name in names}


def said(error: OSError) -> str:
    """Say an error of the system in a few words."""
    return from_os_error(error).message if error.errno else str(error.strerror or error)
