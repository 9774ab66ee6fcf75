"""TLS certificates by certbot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .. import certbot
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run


@dataclass(frozen=True)
class Certificate(Resource):
    """A certificate `/etc/letsencrypt/live/<name>/` for `domains`, issued by http-01 in `webroot` and kept renewed."""

    kind: ClassVar[str] = "certificate"
    name: str
    domains: tuple[str, ...]
    email: str
    server: str
    webroot: str

    def __post_init__(self) -> None:
        """Refuse what could be taken for an option or a path."""
        for name in (self.name, *self.domains):
            plain_word(name.lstrip("*."))
        absolute(self.webroot)

    @property
    def key(self) -> str:
        """The certificate's name."""
        return self.name

    def compare(self, run: Run) -> list[Change]:
        """Read the certificate and its renewal settings; nobody is asked."""
        return [Change(reason.value) for reason in certbot.reasons(run, self)]

    def apply(self, run: Run) -> None:
        """Have it issued."""
        certbot.issue(run, self)
