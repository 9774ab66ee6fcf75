"""Files that would keep a program from starting as long as they are damaged, or what they name is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import certbot
from ..files import kind_of
from ..records import dataclass
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run

_CHECK_SECONDS = 120


@dataclass(frozen=True)
class Withheld(Resource):
    """Nothing at `path` while the certificate that it names cannot be loaded, or while it is damaged.

    A web server refuses all its sites for one such file, and without a web server there is no certificate.
    Whoever wants the file, with this content, writes it again, after the certificate. One with another content stays
    until then if `check` (an argument list, such as nginx -t) accepts it.
    """

    kind: ClassVar[str] = "withheld"
    path: str
    certificate: str
    content: str
    check: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what is no plain path or name."""
        absolute(self.path)
        plain_word(self.certificate)

    @property
    def key(self) -> str:
        """The path."""
        return self.path

    def compare(self, run: Run) -> list[Change]:
        """See whether the file is there without its certificate, or is refused."""
        kind = kind_of(run.path(self.path))[0]
        if kind == "absent":
            return []
        if not certbot.servable(run, self.certificate):
            return [Change(f"put away until there is a certificate {self.certificate}")]
        if kind != "file" or self._refused(run):
            return [Change("put away until it is written again")]
        return []

    def _refused(self, run: Run) -> bool:
        same = run.path(self.path).read_bytes() == self.content.encode()
        return not same and run.system.run(self.check, timeout=_CHECK_SECONDS).status != 0

    def apply(self, run: Run) -> None:
        """Put it away."""
        run.put_away(run.path(self.path))
