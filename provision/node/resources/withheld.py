"""Files that would keep a program from starting as long as what they name is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import certbot
from ..files import kind_of
from ..records import dataclass
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Withheld(Resource):
    """No file or link at `path` while the certificate that it names cannot be loaded.

    A web server refuses all its sites for one such file, and without a web server there is no certificate.
    Whoever wants the file writes it again, after the certificate.
    """

    kind: ClassVar[str] = "withheld"
    path: str
    certificate: str

    def __post_init__(self) -> None:
        """Refuse what is no plain path or name."""
        absolute(self.path)
        plain_word(self.certificate)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def compare(self, run: Run) -> list[Change]:
        """See whether the file is there without its certificate."""
        if kind_of(run.path(self.path))[0] == "absent" or certbot.servable(run, self.certificate):
            return []
        return [Change(f"put away until there is a certificate {self.certificate}")]

    def apply(self, run: Run) -> None:
        """Put it away."""
        run.put_away(run.path(self.path))
