"""apt: one transaction, patient with other holders of its locks, and without starting any service."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import NodeError, no_room
from .files import make_directories, write_file
from .run import Run
from .system import Completed

_ENV = {
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_SUSPEND": "1",
    "APT_LISTCHANGES_FRONTEND": "none",
    # Each package with a unit would have systemd read all units, twice; the run does it once, afterwards.
    "SYSTEMD_OFFLINE": "1",
    "UCF_FORCE_CONFFMISS": "1",  # a settings file that is gone comes back
}
_LOCK_SECONDS = 300
_OPTIONS = (
    f"--option=DPkg::Lock::Timeout={_LOCK_SECONDS}",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Dpkg::Options::=--force-confmiss",
    "--option=Dpkg::Use-Pty=0",
    "--option=Acquire::Retries=3",
)
_LIMIT_SECONDS = 3600
_LISTS_SECONDS = 86_400
_POLICY = "/usr/sbin/policy-rc.d"
_MARK = "# Made by hubctl"


def install(run: Run, names: Sequence[str]) -> None:
    """Install packages with what they depend on.

    Raises:
        NodeError: apt failed; with its last lines and what to do.
    """
    with _no_service_starts(run):
        _repair(run)
        fresh = _update_lists(run, always=False)
        # What needs no packages is made while they come.
        run.meanwhile.begin()
        done = _install(run, names)
        # The lists name versions that the mirrors may have replaced since.
        if done.status != 0 and not fresh and not no_room(done.output)[0]:
            _update_lists(run, always=True)
            done = _install(run, names)
    run.dpkg.forget()
    run.accounts.forget()
    run.units.forget()
    if done.status != 0:
        raise _failure(done, "packages could not be installed")


def _install(run: Run, names: Sequence[str], *options: str) -> Completed:
    return _apt(run, "install", "--yes", "--no-install-recommends", *options, "--", *names)


def owner(run: Run, pattern: str) -> str:
    """Return the package that has a file, by a pattern as in dpkg-query(1); nothing where none has."""
    done = run.system.run(["dpkg-query", "--search", pattern], timeout=60)
    package, found, _ = done.output.partition(": ")
    return package.partition(",")[0] if done.status == 0 and found else ""


def reinstall(run: Run, name: str) -> None:
    """Install a package that is installed once more: files of it that are gone come back, settings too.

    Raises:
        NodeError: apt failed; with its last lines and what to do.
    """
    with _no_service_starts(run):
        _repair(run)
        _update_lists(run, always=False)
        done = _install(run, [name], "--reinstall")
    run.units.forget()
    if done.status != 0:
        raise _failure(done, f"{name} could not be installed again")


def _apt(run: Run, *arguments: str) -> Completed:
    """Run apt-get; wait for locks that apt itself does not wait for."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        argv = ["apt-get", "--quiet", *_OPTIONS, *arguments]
        done = run.system.run(argv, env=_ENV, timeout=_LIMIT_SECONDS, on_line=run.progress)
        locked = done.status != 0 and "Could not get lock" in done.output
        if not locked or time.monotonic() > deadline:
            return done
        run.progress("another program holds apt's lock")
        time.sleep(3)


def _repair(run: Run) -> None:
    """Finish what an interrupted dpkg left behind."""
    updates = run.path("/var/lib/dpkg/updates")
    status = run.path("/var/lib/dpkg/status")
    halves = (
        b" half-installed\n",
        b" unpacked\n",
        b" half-configured\n",
        b" triggers-pending\n",
        b" triggers-awaited\n",
    )
    data = status.read_bytes() if status.exists() else b""
    if not any(half in data for half in halves) and not (updates.is_dir() and any(updates.iterdir())):
        return
    run.progress("finishing an interrupted installation")
    argv = ["dpkg", "--force-confdef", "--force-confold", "--configure", "--pending"]
    run.system.run(argv, env=_ENV, timeout=_LIMIT_SECONDS, on_line=run.progress)
    done = _apt(run, "install", "--yes", "--fix-broken")
    if done.status != 0:
        raise _failure(done, "an interrupted installation could not be finished")


def _update_lists(run: Run, *, always: bool) -> bool:
    """Fetch the package lists when they are missing, a day old or older than the sources that name them.

    Returns:
        Whether they were fetched.
    """
    stamp = run.state / "apt-updated"
    fetched = max(_modified(stamp), _modified(run.path("/var/lib/apt/periodic/update-success-stamp")))
    age = time.time() - fetched
    lists = run.path("/var/lib/apt/lists")
    missing = not lists.is_dir() or not any(lists.glob("*_Packages*"))
    fresh = -_LISTS_SECONDS < age < _LISTS_SECONDS and fetched > _sources_changed(run)
    if fresh and not missing and not always:
        return False
    done = _apt(run, "--option=Acquire::Languages=none", "update")
    if done.status != 0:
        raise _failure(done, "the package lists could not be fetched")
    make_directories(stamp.parent)
    write_file(stamp, b"")
    return True


def _sources_changed(run: Run) -> float:
    """Return when what names the package lists changed last; a source that is gone counts by its folder."""
    apt = run.path("/etc/apt")
    folder = apt / "sources.list.d"
    return max(map(_modified, (apt / "sources.list", folder, *folder.glob("*"))))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextlib.contextmanager
def _no_service_starts(run: Run) -> Iterator[None]:
    """Keep packages from starting services while this process lives; an own policy of the node is put back."""
    policy = run.path(_POLICY)
    kept = policy.with_name("policy-rc.d.hubctl-kept")
    if policy.exists() and _MARK.encode() not in policy.read_bytes():
        policy.replace(kept)
    write_file(policy, _policy_script().encode(), 0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)
        if kept.exists():
            kept.replace(policy)


def _policy_script() -> str:
    """Return a policy that forbids starts only as long as its maker lives; field 22 of stat is when it started."""
    pid = os.getpid()
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return (
        f"#!/bin/sh\n{_MARK} for one installation; when its maker is gone it allows everything.\n"
        f'[ "$(sed "s/.*)//" /proc/{pid}/stat 2>/dev/null | cut -d" " -f21)" = {started} ] && exit 101\n'
        "exit 0\n"
    )


def _failure(done: Completed, message: str) -> NodeError:
    full, hint = no_room(done.output)
    hint = hint or "see the lines above; on the node: apt-get install --fix-broken"
    if "Could not get lock" in done.output:
        hint = "let the program named above finish, then deploy again"
    elif "Unable to locate package" in done.output:
        hint = "is the package in this release of the distribution?"
    return NodeError(full or "apt-failed", message, why=done.tail(), hint=hint)
