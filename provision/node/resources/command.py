"""Commands, for what no other kind covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..records import dataclass
from .base import Change, Resource

if TYPE_CHECKING:
    from ..run import Run

_UNLESS_SECONDS = 60


@dataclass(frozen=True)
class Command(Resource):
    """An argument list that runs when `creates` is missing, `unless` fails, or a resource of `on` (ids) changed.

    Where `says` is given, `unless` fails when it does not say that, too.
    A change of `on` is journaled: the command runs in a later run if this one is killed. It is due when the engine
    reaches the command, or at the end of the run for changes that come later in the list.
    """

    kind: ClassVar[str] = "command"
    name: str
    argv: tuple[str, ...]
    unless: tuple[str, ...] = ()
    says: str = ""
    creates: str = ""
    on: tuple[str, ...] = ()
    timeout: int = 600

    def __post_init__(self) -> None:
        """Refuse a command that is never or always due."""
        if not self.argv:
            raise ValueError("a command needs an argv")
        if not (self.unless or self.creates or self.on):
            raise ValueError("a command needs unless, creates or on")

    @property
    def key(self) -> str:
        """The command's name."""
        return self.name

    def waits_for(self) -> dict[str, tuple[str, ...]]:
        """Return what makes it run."""
        return {"run": self.on}

    def compare(self, run: Run) -> list[Change]:
        """Find out whether it is due."""
        causes = run.journal.due(self.id).get("run", [])
        if causes:
            return [Change(f"run: {', '.join(causes)} changed")]
        if self.creates and not run.path(self.creates).exists():
            return [Change(f"run: {self.creates} is missing")]
        return [Change(f"run: {self.unless[0]} asks for it")] if self._asked_for(run) else []

    def _asked_for(self, run: Run) -> bool:
        if not self.unless:
            return False
        done = run.system.run(self.unless, timeout=_UNLESS_SECONDS)
        return done.status != 0 or self.says not in done.output

    def apply(self, run: Run) -> None:
        """Run it."""
        run.run_checked(
            self.argv,
            "command-failed",
            f"{self.name}: {self.argv[0]} failed",
            hint="run it by hand on the node to see more, then deploy again",
            timeout=self.timeout,
        )
        # It may have done anything.
        run.units.forget()
        run.dpkg.forget()
        run.accounts.forget()
        run.journal.settle(self.id)
