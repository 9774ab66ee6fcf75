"""Limits of this computer's kernel that many machines reach: raised while machines run, put back after the last.

Containers share the kernel's count of inotify instances per user, and all of them run as root: with the usual 128 the
twenty-first machine does not come up. Every instance of this computer notes its machines in one record.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import Exit, HubError
from ...node.files import write_file
from .files import locked
from .process import Process


@dataclass(frozen=True)
class Setting:
    """A limit.

    Attributes:
        name: as `sysctl` has it.
        enough: what it is raised to; a higher one is left.
        each: what a machine takes at most; systemd, its session managers and D-Bus take six to nine.
        spare: what the computer itself takes.
    """

    name: str
    enough: int
    each: int
    spare: int


SETTINGS = (
    Setting("fs.inotify.max_user_instances", 8192, each=12, spare=16),
    Setting("fs.inotify.max_user_watches", 524_288, each=200, spare=4096),
)


@dataclass(frozen=True)
class Limits:
    """The limits of one computer.

    Attributes:
        settings: where the kernel shows its settings.
        record: who holds them and what they were before; gone when nobody does.
    """

    settings: Path = Path("/proc/sys")
    record: Path = Path("/run/hubctl/limits.json")

    def hold(self, supervisor: Path) -> None:
        """Raise the limits for one more machine.

        Args:
            supervisor: file that names the machine's process once it runs. Until then this process stands for it.

        Raises:
            HubError: `kernel-limit`, when a limit is too low for it and may not be changed.
        """
        with self._locked() as held:
            held.drop_dead()
            machines = len(held.holders.keys() | {str(supervisor)})
            for setting in SETTINGS:
                self._raise(setting, held, machines)
            held.holders[str(supervisor)] = asdict(Process.of(os.getpid()))

    def release(self, supervisor: Path) -> None:
        """Say that a machine has ended; after the last one the limits are as they were."""
        with self._locked() as held:
            held.holders.pop(str(supervisor), None)
            held.drop_dead()
            if not held.holders:
                for name, before in held.before.items():
                    # One that somebody has set meanwhile is theirs.
                    if self._read(name) == held.raised.get(name):
                        self._write(name, before)
                held.before, held.raised = {}, {}

    def _raise(self, setting: Setting, held: _Held, machines: int) -> None:
        now = self._read(setting.name)
        if now is None or now >= setting.enough:
            return
        # Noted first: a kill in between must not lose the value.
        held.before.setdefault(setting.name, now)
        held.raised[setting.name] = setting.enough
        held.save(self.record)
        if self._write(setting.name, setting.enough):
            return
        del held.before[setting.name], held.raised[setting.name]
        needed = setting.spare + setting.each * machines
        if now < needed:
            raise HubError(
                "kernel-limit",
                f"this computer allows no further machine: {setting.name} is {now} and cannot be raised from here",
                why=f"{machines} machines need up to {needed}",
                hint=f"on the computer itself, as root: sysctl -w {setting.name}={setting.enough}",
                exit_code=Exit.NOT_ALLOWED,
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Held]:
        with locked(self.record.with_suffix(".lock")):
            held = _Held.load(self.record)
            try:
                yield held
            finally:
                held.save(self.record)

    def _path(self, name: str) -> Path:
        return self.settings / name.replace(".", "/")

    def _read(self, name: str) -> int | None:
        try:
            return int(self._path(name).read_text())
        except (OSError, ValueError):
            return None

    def _write(self, name: str, value: int) -> bool:
        try:
            self._path(name).write_text(f"{value}\n")
        except OSError:
            return False
        return True


@dataclass
class _Held:
    """The record: values before, values that were set, and for each machine's process file who started it."""

    before: dict[str, int] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)
    holders: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> _Held:
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        if self.holders or self.before:
            write_file(path, json.dumps(asdict(self)))
        else:
            path.unlink(missing_ok=True)

    def drop_dead(self) -> None:
        """Forget machines whose process and whose starter are both gone."""
        self.holders = {
            path: starter
            for path, starter in self.holders.items()
            if _alive(Path(path)) or Process(**starter).alive()
        }


def _alive(path: Path) -> bool:
    supervisor = Process.load(path)
    return supervisor is not None and supervisor.alive()
