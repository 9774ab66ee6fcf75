"""What a resource may use while it is checked and applied."""

from __future__ import annotations

import copy
import math
import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from .facts import Accounts, Dpkg
from .files import kind_of, make_directories, remove_tree
from .journal import Journal
from .meanwhile import Meanwhile
from .peer import Peer
from .system import STATE, System
from .systemd import Units

_KEPT_RUNS = 20
_PROGRESS_SECONDS = 0.3


class Run:
    """One run: the machine, its facts, the journal and the operator.

    Args:
        system: the machine.
        peer: the operator at the other end.
        journal: what is due.
        apply: False in a dry run.
        caller: who asks for it and when, as the manifest says.
        asked: when that came, by the machine's clock.
        fault: `RESOURCE:STAGE` at which the engine kills itself, for tests of crashes.
    """

    def __init__(
        self,
        system: System,
        peer: Peer,
        journal: Journal,
        *,
        apply: bool,
        caller: Mapping[str, object],
        asked: float,
        fault: str = "",
    ) -> None:
        self.system = system
        self.peer = peer
        self.journal = journal
        self.apply = apply
        self.caller = caller
        self.asked = asked
        self.dpkg = Dpkg(system)
        self.accounts = Accounts(system)
        self.units = Units(system)
        self.meanwhile = Meanwhile()
        self.touched_units: dict[str, str] = {}
        self.name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{str(caller.get('id', ''))[:8]}"
        self._place, _, self._stage = fault.rpartition(":")
        self._index, self._id = -1, ""
        self._said = 0.0

    @property
    def state(self) -> Path:
        """The engine's own directory."""
        return self.system.path(STATE)

    def path(self, path: str) -> Path:
        """Return where the absolute `path` of the machine is."""
        return self.system.path(path)

    def beside(self) -> Run:
        """Return this run for a thread of its own: silent, and its programs end with the engine."""
        other = copy.copy(self)
        other.system = self.system.mortal()
        other._said = math.inf
        return other

    def enter(self, index: int, resource_id: str) -> None:
        """Note which resource is in hand."""
        self._index, self._id = index, resource_id

    @property
    def in_hand(self) -> str:
        """The id of the resource in hand, or nothing."""
        return self._id

    def stage(self, name: str) -> None:
        """Pass a point at which a test may have the engine killed."""
        if self._stage == name and self._place in (str(self._index), self._id, "*"):
            os.kill(os.getpid(), signal.SIGKILL)

    def progress(self, text: str) -> None:
        """Tell the operator what is going on, a few times a second at most."""
        if time.monotonic() - self._said >= _PROGRESS_SECONDS:
            self._said = time.monotonic()
            side = self.meanwhile.doing
            more = f" · meanwhile {side}" if side and side != text else ""
            self.peer.emit("progress", id=self._id, text=text[:300] + more)

    def acted(self, unit: str, action: str, why: Iterable[str] = ()) -> None:
        """Tell the operator what is done to a unit; at the end it must be up, unless it was stopped."""
        self.touched_units[unit] = action
        self.peer.emit("unit", name=unit, action=action, why=list(why))

    def daemon_reload(self, *, force: bool = False) -> None:
        """Let systemd read the unit files if one changed."""
        if force or self.journal.daemon_reload:
            self.units.act("daemon-reload")
            self.journal.reloaded()

    def keep(self, path: Path) -> None:
        """Keep a copy of a file or link that is about to be replaced or removed, readable by root only."""
        import shutil

        shutil.copy2(path, self._kept(path), follow_symlinks=False)

    def put_away(self, path: Path) -> None:
        """Move a file or directory, if there is one, to where replaced files are kept."""
        import shutil

        if kind_of(path)[0] != "absent":
            shutil.move(str(path), str(self._kept(path)))

    def _kept(self, path: Path) -> Path:
        runs = self.state / "replaced"
        if not (runs / self.name).is_dir():
            make_directories(runs)
            runs.chmod(0o700)
            for old in sorted(runs.iterdir())[:-_KEPT_RUNS]:
                remove_tree(old)
        copy = runs / self.name / str(path).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        return copy

    def run_checked(
        self,
        argv: Iterable[str],
        code: str,
        message: str,
        *,
        hint: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
    ) -> None:
        """Run a program that must succeed; its output is shown as progress, and as the cause when it fails.

        Raises:
            NodeError: it failed.
        """
        self.system.check(
            list(argv), code, message, hint=hint, env=env, timeout=timeout, on_line=self.progress
        )
