"""A user is removed: shut out, their server stopped, their home archived, then the account and the home deleted.

A note of it is written before anything is done, and says when all is done: a run that is killed is taken up by the
next that removes the same user. Nothing is deleted before the archive is whole and on the disk.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import NodeError
from ..files import make_directories, remove, remove_tree, sync_directory, temporary
from ..records import dataclass
from ..run import Run
from ..state import load, save, typed
from ..stopping import stop
from . import accounts, hub_api, pushed
from .places import STATE

ARCHIVE = f"{STATE}/archive"
_CRONTABS = "/var/spool/cron/crontabs"
_PACKING_SECONDS = 6 * 3600
_ENDING_SECONDS = 20


@dataclass(frozen=True)
class Removal:
    """A removal that was begun, perhaps long done.

    Args:
        name: who.
        uid: the number of their account.
        stem: what the archive and the note are called.
        done: whether nothing is left to do.
    """

    name: str
    uid: int
    stem: str
    done: bool = False

    @property
    def archive(self) -> str:
        """Where their home is kept."""
        return f"{ARCHIVE}/{self.stem}.tar.gz"


def all_of(run: Run) -> Iterator[Removal]:
    """Yield all removals, the oldest first."""
    for path in sorted(run.path(ARCHIVE).glob("*.json")):
        found = load(path, "removal", f"on the node: look at {path}, and move it away", lambda data: data)
        if isinstance(found, dict):
            yield _read(path.stem, found)


def _read(stem: str, data: Any) -> Removal:
    return Removal(typed(data["name"], str), typed(data["uid"], int), stem, typed(data["done"], bool))


def begun(run: Run) -> dict[str, Removal]:
    """Return the removals that are not done, by user."""
    return {removal.name: removal for removal in all_of(run) if not removal.done}


def staying(run: Run) -> set[str]:
    """Return the users whose removal was not begun."""
    return accounts.members(run).keys() - begun(run).keys()


def highest_number(run: Run) -> int:
    """Return the highest number of a removed account."""
    return max((removal.uid for removal in all_of(run)), default=0)


def remove_user(run: Run, name: str) -> Removal:
    """Remove a user, or carry on with it.

    Raises:
        NodeError: something cannot be done; what was not done by then is there as before.
    """
    removal = begun(run).get(name) or _begin(run, name)
    run.stage("begun")
    _shut_out(run, removal)
    run.stage("stopped")
    _pack(run, removal)
    run.stage("archived")
    accounts.delete(run, name)
    run.stage("deleted")
    remove_tree(accounts.at_home(run, name))
    pushed.forget(run, name)
    run.stage("emptied")
    _note(run, removal, done=True)
    return removal


def _begin(run: Run, name: str) -> Removal:
    accounts.at_home(run, name)
    folder = run.path(ARCHIVE)
    make_directories(folder)
    folder.chmod(0o700)
    stem = f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    removal = Removal(name, run.accounts.users()[name].uid, stem)
    _note(run, removal, done=False)
    return removal


def _note(run: Run, removal: Removal, *, done: bool) -> None:
    fields = {"name": removal.name, "uid": removal.uid, "done": done}
    save(run.path(f"{ARCHIVE}/{removal.stem}.json"), fields)


def _shut_out(run: Run, removal: Removal) -> None:
    """See that nothing of a user's runs, and that nothing can be started."""
    if removal.name in run.accounts.users():
        accounts.lock_out(run, removal.name)
    hub_api.forget(run, removal.name)
    remove(run.path(_CRONTABS) / removal.name)
    stop(run, [server_of(removal.name)], "its user is removed")
    deadline = time.monotonic() + _ENDING_SECONDS
    while running := list(_processes(run, removal.uid)):
        if time.monotonic() > deadline:
            raise NodeError(
                "user-at-work",
                f"processes of {removal.name} do not end: {', '.join(map(str, running))}",
                hint=f"on the node: `ps -fu {removal.uid}`; then run the same command again",
            )
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def server_of(name: str) -> str:
    """Return the unit of a user's server."""
    return f"jupyter-{name}.service"


def _processes(run: Run, uid: int) -> Iterator[int]:
    """Yield the processes that have a user's number in any way, but for those that are dead."""
    for status in run.path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            if str(uid) in fields["Uid"].split() and fields["State"][0] not in "ZX":
                yield int(status.parent.name)


def _pack(run: Run, removal: Removal) -> None:
    """Archive a home, unless that is done; what it links to stays where it is."""
    home, archive = accounts.at_home(run, removal.name), run.path(removal.archive)
    if archive.exists() or not home.exists():
        return
    new = temporary(archive)
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    argv = ["tar", "--create", "--gzip", "--file", str(new), "--numeric-owner"]
    argv += ["--checkpoint=10000", "--checkpoint-action=echo=packing the home: %u records of 10 KiB"]
    try:
        run.run_checked(
            [*argv, "--directory", str(home.parent), "--", home.name],
            "archive-failed",
            f"the home of {removal.name} could not be archived; it is there as before",
            hint="correct what is wrong, then run the same command again: it carries on",
            timeout=_PACKING_SECONDS,
        )
        _sync(new)
        new.replace(archive)
        sync_directory(archive.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
