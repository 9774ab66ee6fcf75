"""systemd: the state of units in one question, and what is done to them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from .ahead import Ahead
from .errors import NodeError
from .records import dataclass
from .system import Completed, System

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "NeedDaemonReload",
    "CanReload",
    "NRestarts",
    "ExecMainStatus",
    "Listen",
    "MainPID",
    "ActiveEnterTimestampMonotonic",
)
SYSTEM = "/etc/systemd/system"
_UNIT_DIRECTORIES = ("/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/")
_NOTHING_TO_ENABLE = frozenset({"static", "generated", "transient", "indirect", "alias", "enabled-runtime"})


def is_unit_file(path: str) -> bool:
    """Whether systemd must be told when this file changes."""
    return path.startswith(_UNIT_DIRECTORIES)


@dataclass(frozen=True)
class UnitState:
    """What `systemctl show` says about a unit, see systemctl(1)."""

    name: str
    load: str
    active: str
    sub: str
    result: str
    file_state: str
    stale: bool
    can_reload: bool
    restarts: int
    exit_status: str
    listen: str
    pid: int
    since: float  # seconds of the monotonic clock; 0 when it was never up

    @property
    def running(self) -> bool:
        """Whether it is up."""
        return self.active in ("active", "reloading", "refreshing")

    @property
    def busy(self) -> bool:
        """Whether it is up, or on the way there or back."""
        return self.active not in ("inactive", "failed")

    @property
    def failed(self) -> bool:
        """Whether it has failed, or is being started again after failing."""
        return self.active == "failed" or self.sub == "auto-restart"

    def describe(self) -> str:
        """Say how the unit is, in one line."""
        detail = f", result {self.result}" if self.result not in ("", "success") else ""
        status = f", exit status {self.exit_status}" if self.exit_status not in ("", "0") else ""
        restarts = f", {self.restarts} restarts" if self.restarts else ""
        return f"{self.name}: {self.active} ({self.sub}{detail}{status}{restarts})"


class Units:
    """The units of a run.

    Args:
        system: the machine.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._names: dict[str, None] = {}
        self._states: dict[str, UnitState] = {}
        self._ahead: dict[str, Ahead[dict[str, UnitState]]] = {}
        self._linked: frozenset[str] | None = None
        self.links_changed = False
        self.acted = 0.0
        """When the last action ended, by the monotonic clock."""

    def ask_ahead(self, names: Iterable[str]) -> None:
        """Begin to ask about units, those that were not asked about before, while other things are done."""
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        self._names.update(dict.fromkeys(new))
        if new:
            self._ahead.update(dict.fromkeys(new, Ahead(lambda: self._show(new))))

    def changed(self) -> None:
        """Note that something changed, which an answer that was asked for ahead may not know."""
        self._ahead = {}

    def get(self, name: str) -> UnitState:
        """Return a unit's state, asked for since the last `forget`."""
        if name not in self._states and name in self._ahead:
            self._states.update(self._ahead[name].result())
        if name not in self._states:
            self._names[name] = None
            self._states = self._show(list(self._names))
        return self._states[name]

    def now(self, *names: str) -> list[UnitState]:
        """Return the states of units as they are this moment."""
        return list(self._show(list(names)).values()) if names else []

    def _show(self, names: list[str]) -> dict[str, UnitState]:
        done = self._system.run(
            ["systemctl", "show", "--property=" + ",".join(_PROPERTIES), "--", *names], timeout=60
        )
        blocks = [block for block in done.output.split("\n\n") if block.strip()]
        if done.status != 0 or len(blocks) != len(names):
            raise NodeError("no-systemd", "systemd does not answer", why=done.tail(5))
        return {name: _parse(name, block) for name, block in zip(names, blocks)}

    def forget(self) -> None:
        """Ask again next time."""
        self._states = {}
        self._ahead = {}
        self._linked = None

    def enabled(self, name: str) -> bool:
        """Whether the unit is started at boot, as the links in /etc say."""
        return name in self.linked()

    def linked(self) -> frozenset[str]:
        """Return the units that links in /etc start at boot."""
        if self._linked is None:
            folder = self._system.path(SYSTEM)
            wants = folder.iterdir() if folder.is_dir() else ()
            self._linked = frozenset(
                link.name
                for want in wants
                if want.suffix in (".wants", ".requires", ".upholds")
                for link in want.iterdir()
            )
        return self._linked

    def wants_enabling(self, name: str) -> bool:
        """Whether `systemctl enable` would change something."""
        if self.enabled(name):
            return False
        state = self.get(name).file_state
        if state in _NOTHING_TO_ENABLE:
            return False
        # Enabled by an alias alone, or a remembered state: ask for the truth on disk.
        return state != "enabled" or self._control("is-enabled", name).status != 0

    def wants_disabling(self, name: str) -> bool:
        """Whether `systemctl disable` would change something."""
        if self.enabled(name):
            return True
        return self.get(name).file_state == "enabled" and self._control("is-enabled", name).status == 0

    def _control(self, *argv: str, timeout: float = 300) -> Completed:
        return self._system.run(["systemctl", "--no-ask-password", *argv], timeout=timeout)

    def act(self, action: str, *names: str) -> None:
        """Do one of the actions of systemctl(1) to units, and wait until it is done.

        Args:
            action: start, stop, restart, reload, enable, disable, unmask, kill, reset-failed, or daemon-reload, which
                takes no units.
            names: the units. One that cannot reload is restarted instead.

        Raises:
            NodeError: it failed; with the units' states and last journal lines.
        """
        if action == "reload":
            action = "reload" if all(self.get(name).can_reload for name in names) else "restart"
        if action in ("enable", "disable"):
            # One reload at the end of the run is enough for what only matters at boot.
            self._act("--no-reload", "--quiet", action, *names)
            self.links_changed = True
        elif action == "kill":
            self._act("--signal=SIGKILL", action, *names)
        elif action == "unmask":
            self._act(action, *names)
            if any(self.get(name).load == "masked" for name in names):
                self._act("--runtime", action, *names)
        elif action == "reset-failed":
            # What waits to be restarted would not be started; what is gone needs neither.
            self._control("stop", *names)
            self._control(action, *names)
            self.forget()
        elif action == "daemon-reload":
            self._act(action)
            self.links_changed = False
        else:
            self._start_past_limit(action, *names)

    def _start_past_limit(self, action: str, *names: str) -> None:
        """Do it once more where systemd counted too many starts: of a unit that fell, or of deploys close together."""
        try:
            self._act(action, *names)
        except NodeError:
            if all(state.result != "start-limit-hit" for state in self.now(*names)):
                raise
            self._control("reset-failed", *names)
            self._act(action, *names)

    def want(self, target: str, name: str) -> None:
        """Have a target start a unit at boot, and make no alias of it.

        systemd loses the process of a running unit that gets an alias which other units name.

        Raises:
            NodeError: it failed.
        """
        self._act("--no-reload", "--quiet", "add-wants", target, name)
        self.links_changed = True

    def act_later(self, action: str, *names: str) -> None:
        """Ask for an action and do not wait for it."""
        self._act("--no-block", action, *names)

    def _act(self, *argv: str) -> None:
        done = self._control(*argv)
        self.acted = time.monotonic()
        self.forget()
        if done.status != 0:
            action, *names = [word for word in argv if not word.startswith("-")]
            raise self.failure(action, names, done.tail(10))

    def failure(self, action: str, names: list[str], said: str = "") -> NodeError:
        """Explain a unit that did not do what was asked: its state and its last journal lines."""
        states = self.now(*names)
        culprits = [state.name for state in states if not state.running] or names
        parts = [said] if said else []
        for state in states:
            if state.name in culprits:
                parts += [state.describe(), self.journal(state.name)]
        return NodeError(
            "unit-failed",
            f"{', '.join(culprits) or 'systemd'}: {action} failed",
            why="\n".join(filter(None, parts)),
            hint=f"on the node: journalctl -u {culprits[0]} -n 100"
            if culprits
            else "on the node: systemctl status",
        )

    def journal(self, name: str, lines: int = 20) -> str:
        """Return the unit's last journal lines."""
        argv = [
            "journalctl",
            "--no-pager",
            "--quiet",
            "--output=short-iso",
            f"--lines={lines}",
            f"--unit={name}",
        ]
        return self._system.run(argv, timeout=30).tail(lines)


def _parse(name: str, block: str) -> UnitState:
    values: dict[str, str] = {}
    for line in block.splitlines():
        key, _, value = line.partition("=")
        values.setdefault(key, value)
    return UnitState(
        name=name,
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        result=values.get("Result", ""),
        file_state=values.get("UnitFileState", ""),
        stale=values.get("NeedDaemonReload") == "yes",
        can_reload=values.get("CanReload") == "yes",
        restarts=int(values.get("NRestarts") or 0),
        exit_status=values.get("ExecMainStatus", ""),
        listen=values.get("Listen", ""),
        pid=int(values.get("MainPID") or 0),
        since=int(values.get("ActiveEnterTimestampMonotonic") or 0) / 1e6,
    )
