"""The environment of a service's releases, there before the first of them: what images are baked with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import venv
from ..records import dataclass
from ..releases.home import Home
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Environment(Resource):
    """The environment that releases of a service with this lock will share.

    Args:
        service: name of the service.
        requirements: text of the hash-pinned lock.
        uv: path of the uv program.
    """

    kind: ClassVar[str] = "environment"
    service: str
    requirements: str
    uv: str

    def __post_init__(self) -> None:
        """Refuse names that could not be those of folders."""
        plain_word(self.service)
        absolute(self.uv)

    @property
    def key(self) -> str:
        """The service's name."""
        return self.service

    def environments(self, run: Run) -> tuple[venv.Venv]:
        """Return this one."""
        folder = Home(run, self.service).environment(self.requirements)
        return (venv.Venv(folder, self.requirements, run.path(self.uv)),)

    def compare(self, run: Run) -> list[Change]:
        """See whether it is complete."""
        (wanted,) = self.environments(run)
        flaws = venv.flaws(wanted.folder)
        return [Change(f"build {wanted.folder.name}: {', '.join(flaws[:3])}")] if flaws else []

    def apply(self, run: Run) -> None:
        """Build it."""
        venv.build(run, *self.environments(run))
