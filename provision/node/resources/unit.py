"""systemd units."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..errors import NodeError
from ..records import dataclass
from .base import Change, Resource, plain_word

if TYPE_CHECKING:
    from ..run import Run

_UNUSABLE = ("masked", "not-found")  # an empty file counts as masked
_STATE_ACTIONS = ("start", "stop", "restart", "reload")


@dataclass(frozen=True)
class Unit(Resource):
    """A unit's state, and which resources (by id) make it restart or reload when they change.

    Pending restarts and reloads are done when the engine reaches the unit, and again at the end of the run for
    changes that come later in the list. A changed unit file is followed by one daemon-reload by itself.
    Where `started_by`, a socket say, is enabled, the unit need not be: it is left as it is.
    With `wanted_by` it is enabled by a link of this target alone, without its aliases.
    """

    kind: ClassVar[str] = "unit"
    name: str
    enabled: bool = True
    running: bool = True
    restart_on: tuple[str, ...] = ()
    reload_on: tuple[str, ...] = ()
    started_by: str = ""
    wanted_by: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that systemd would not take."""
        stem, _, suffix = plain_word(self.name).rpartition(".")
        if not stem or not suffix.isalpha():
            raise ValueError(f"{self.name!r} lacks its suffix, such as .service")
        if stem.endswith("@"):
            raise ValueError(f"{self.name!r} is a template: name an instance")

    @property
    def key(self) -> str:
        """The unit's name with its suffix."""
        return self.name

    def waits_for(self) -> dict[str, tuple[str, ...]]:
        """Return what makes it restart or reload."""
        return {"restart": self.restart_on, "reload": self.reload_on}

    def units(self, _: Run) -> tuple[str, ...]:
        """Return the unit itself."""
        return (self.name,)

    def compare(self, run: Run) -> list[Change]:
        """Compare its state, and see what is due."""
        return [
            Change(f"{action}: {', '.join(why)} changed" if why else action)
            for action, why in self._actions(run).items()
        ]

    def _actions(self, run: Run) -> dict[str, list[str]]:
        state = run.units.get(self.name)
        actions: dict[str, list[str]] = {}
        if state.stale or (run.journal.daemon_reload and state.load == "not-found"):
            actions["daemon-reload"] = []
        if state.load == "masked" and (self.enabled or self.running):
            actions["unmask"] = []
        if self.enabled and not run.units.enabled(self.started_by) and run.units.wants_enabling(self.name):
            actions["enable"] = []
        if not self.enabled and run.units.wants_disabling(self.name):
            actions["disable"] = []
        return {**actions, **self._state_action(run)}

    def _state_action(self, run: Run) -> dict[str, list[str]]:
        state = run.units.get(self.name)
        if not self.running:
            return {"stop": []} if state.busy else {"reset-failed": []} if state.failed else {}
        if not state.running:
            return {"start": []}
        due = run.journal.due(self.id)
        if "restart" in due:
            return {"restart": due["restart"]}
        return {"reload": due["reload"]} if "reload" in due else {}

    def apply(self, run: Run) -> None:
        """Do what differs, in this order: read unit files, enable, start.

        Raises:
            NodeError: the unit is not there, or did not come up.
        """
        run.daemon_reload(force=run.units.get(self.name).stale)
        actions = self._actions(run)
        if "unmask" in actions:
            run.units.act("unmask", self.name)
        if run.units.get(self.name).load in _UNUSABLE and (self.enabled or self.running):
            self._install_again(run)
        for action, why in {**actions, **self._actions(run)}.items():
            if action in _STATE_ACTIONS:
                run.acted(self.name, action, why)
            if action == "enable" and self.wanted_by:
                run.units.want(self.wanted_by, self.name)
            else:
                run.units.act(action, self.name)
        run.stage("acted")
        run.journal.settle(self.id)

    def _install_again(self, run: Run) -> None:
        """Have a package put a unit's file back.

        Raises:
            NodeError: no package has it.
        """
        from ..apt import owner, reinstall

        stem, at, rest = self.name.partition("@")
        file = f"{stem}@.{rest.rpartition('.')[2]}" if at else self.name
        package = owner(run, f"*/systemd/system/{file}")
        if not package:
            raise NodeError(
                "unit-not-found", f"{self.name}: there is no such unit", hint="is its package installed?"
            )
        reinstall(run, package)
        run.daemon_reload(force=True)
