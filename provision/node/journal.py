"""What must not be forgotten when the engine is killed: restarts that are due, switches that have begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .state import load, save, typed, words


class Due(NamedTuple):
    """Something that follows from a change: `target` is a resource's id, `action` restart, reload or run."""

    target: str
    action: str


Follows = Mapping[str, Sequence[Due]]
"""What changes make due, by the id of the resource that changes."""


class Journal:
    """The journal on disk. Every change of it is durable when the method returns.

    Args:
        path: the file.
        durable: False in a dry run, which only pretends.

    Raises:
        NodeError: the file cannot be read.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self.pending: dict[str, dict[str, list[str]]] = {}
        self.switches: dict[str, dict[str, str]] = {}
        self.daemon_reload = False
        self.run: dict[str, object] = {}
        self.changed: list[str] = []
        self._read()

    def _read(self) -> None:
        hint = f"restart the node's services by hand, remove {self._path}, then deploy again"
        load(self._path, "journal", hint, self._take)

    def _take(self, data: Any) -> None:
        # Another version may have written it: what is not there has its default.
        found = typed(data, dict)
        self.pending = {
            target: {action: words(causes) for action, causes in typed(actions, dict).items()}
            for target, actions in typed(found.get("pending", {}), dict).items()
        }
        self.switches = {
            service: {name: typed(switch[name], str) for name in ("release", "former")}
            for service, switch in typed(found.get("switches", {}), dict).items()
        }
        self.daemon_reload = typed(found.get("daemon_reload", False), bool)
        self.run = typed(found.get("run", {}), dict)
        self.changed = words(found.get("changed", []))

    def _write(self) -> None:
        if not self._durable:
            return
        if not (self.pending or self.switches or self.daemon_reload or self.run):
            self._path.unlink(missing_ok=True)
            return
        state = {
            "pending": self.pending,
            "switches": self.switches,
            "daemon_reload": self.daemon_reload,
            "run": self.run,
            "changed": self.changed,
        }
        save(self._path, state)

    def begin(self, run: dict[str, object]) -> dict[str, object]:
        """Note the run that makes changes; return the run before it if that never ended, else nothing."""
        unfinished = {**self.run, "changed": self.changed} if self.run else {}
        self.run = run
        self.changed = []
        return unfinished

    def intend(self, resource: str, follows: Follows, *, daemon_reload: bool) -> Follows:
        """Note, before a resource changes, what its change makes due; return what was not due before."""
        if resource not in self.changed:
            self.changed.append(resource)
        new: dict[str, list[Due]] = {}
        for cause, dues in follows.items():
            new[cause] = [due for due in dues if cause not in self.due(due.target).get(due.action, ())]
            for target, action in new[cause]:
                self.pending.setdefault(target, {}).setdefault(action, []).append(cause)
        self.daemon_reload = self.daemon_reload or daemon_reload
        self._write()
        return new

    def intend_daemon_reload(self) -> None:
        """Note, before unit files change, that systemd must read them."""
        self.daemon_reload = True
        self._write()

    def withdraw(self, resource: str, follows: Follows) -> None:
        """Take back what was noted for a resource that has not changed after all."""
        self.changed.remove(resource)
        for cause, dues in follows.items():
            for target, action in dues:
                self._withdraw_one(cause, target, action)
        self._write()

    def _withdraw_one(self, cause: str, target: str, action: str) -> None:
        actions = self.pending[target]
        actions[action].remove(cause)
        if not actions[action]:
            del actions[action]
        if not actions:
            del self.pending[target]

    def due(self, target: str) -> dict[str, list[str]]:
        """Return what is due for a resource: action → ids of the changes that cause it."""
        return self.pending.get(target, {})

    def settle(self, target: str) -> None:
        """Note that what was due for a resource has been done."""
        if self.pending.pop(target, None) is not None:
            self._write()

    def reloaded(self) -> None:
        """Note that systemd has read the unit files."""
        if self.daemon_reload:
            self.daemon_reload = False
            self._write()

    def begin_switch(self, service: str, release: str, former: str) -> str:
        """Note, before it begins, that a service changes over to a release.

        Returns:
            The release that served before: `former`, or that of the same change-over when it is taken up again.
        """
        begun = self.switches.get(service, {})
        if begun.get("release") != release:
            begun = self.switches[service] = {"release": release, "former": former}
            self._write()
        return begun["former"]

    def end_switch(self, service: str) -> None:
        """Note that the change-over is complete, or undone."""
        if self.switches.pop(service, None) is not None:
            self._write()

    def end_switches_but(self, services: Iterable[str]) -> None:
        """Forget the change-overs of all services but these: the others are wanted no more."""
        for service in set(self.switches).difference(services):
            self.end_switch(service)

    def end(self) -> None:
        """Note that the run has ended by itself; what is still due stays."""
        if self.run:
            self.run, self.changed = {}, []
            self._write()
