"""The environment of a service's releases, there before the first of them: what images are baked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .. import venv
from ..releases.home import Home
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from pathlib import Path

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

    def _folder(self, run: Run) -> Path:
        return Home(run, self.service).environment(self.requirements)

    def compare(self, run: Run) -> list[Change]:
        """See whether it is complete."""
        folder = self._folder(run)
        return [] if venv.complete(folder) else [Change(f"build {folder.name}")]

    def apply(self, run: Run) -> None:
        """Build it."""
        venv.build(run, self._folder(run), self.requirements, self.uv)
