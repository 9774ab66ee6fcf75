"""TLS certificates by certbot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from .. import certbot
from ..errors import NodeError
from ..records import dataclass
from .base import Change, Resource, absolute, plain_word

if TYPE_CHECKING:
    from ..run import Run
    from ..system import Completed

_WEEK = 7 * 86_400
_DETAILS = ("Domain:", "Type:", "Detail:")
_LOG_HINT = "on the node: less /var/log/letsencrypt/letsencrypt.log"
_SET_DNS = "`hubctl create-node NODE` sets the DNS records"


class Reason(Enum):
    """Why a certificate must be issued."""

    MISSING = "issue"
    DOMAINS = "issue for other names"
    SERVER = "issue by another authority"
    PROOF = "issue by another proof"
    EXPIRY = "renew, it expires soon"


@dataclass(frozen=True)
class Certificate(Resource):
    """A certificate `/etc/letsencrypt/live/<name>/` for `domains`, issued and kept renewed.

    The proof is http-01 in `webroot`, or with `dns` dns-01: certbot answers on port 53, where DNS delegates the names
    of challenges to this node. `answers` is the unit that answers the authority: once it runs, it can be issued.
    """

    kind: ClassVar[str] = "certificate"
    name: str
    domains: tuple[str, ...]
    email: str
    server: str
    webroot: str
    answers: str = ""
    dns: bool = False

    def __post_init__(self) -> None:
        """Refuse what could be taken for an option or a path."""
        for name in (self.name, *self.domains):
            plain_word(name.lstrip("*."))
        absolute(self.webroot)

    @property
    def key(self) -> str:
        """The certificate's name."""
        return self.name

    @property
    def after(self) -> str:
        """Return the web server's unit."""
        return f"unit:{self.answers}" if self.answers else ""

    def compare(self, run: Run) -> list[Change]:
        """Read the certificate and its renewal settings; nobody is asked."""
        return [Change(reason.value) for reason in self._reasons(run)]

    def _reasons(self, run: Run) -> list[Reason]:
        found, server = certbot.servable(run, self.name), certbot.renewal_server(run, self.name)
        if found is None or not server:
            return [Reason.MISSING]
        reasons = []
        if not found.names >= set(self.domains):
            reasons.append(Reason.DOMAINS)
        if server != self.server:
            reasons.append(Reason.SERVER)
        if certbot.proven_by(run, self.name) != self._plugin:
            reasons.append(Reason.PROOF)
        # A short-lived certificate is renewed in its last third.
        if found.ends - time.time() < min(_WEEK, (found.ends - found.begins) / 3):
            reasons.append(Reason.EXPIRY)
        return reasons

    @property
    def _plugin(self) -> str:
        return "dns-standalone" if self.dns else "webroot"

    def apply(self, run: Run) -> None:
        """Have it issued.

        Raises:
            NodeError: with the authority's reason and what to do about it; or the clock is wrong.
        """
        from .. import clock  # few runs issue one

        clock.check(run)
        reasons = self._reasons(run)
        if reasons == [Reason.MISSING]:
            certbot.put_away(run, self.name)
        done = certbot.certonly(run, self.server, self._arguments(run, reasons))
        if done.status != 0:
            raise self._failure(done)
        if still := self._reasons(run):
            raise NodeError(
                "certificate-failed",
                f"certbot has a certificate for {self.name}, which is not as it should be",
                why=f"still due: {', '.join(reason.value for reason in still)}",
                hint=_LOG_HINT,
            )

    def _arguments(self, run: Run, reasons: Sequence[Reason]) -> list[str]:
        arguments = ["--email", self.email, "--authenticator", self._plugin]
        arguments += [] if self.dns else ["--webroot-path", str(run.path(self.webroot))]
        arguments += ["--cert-name", self.name, *(f"--domain={domain}" for domain in self.domains)]
        if {Reason.DOMAINS, Reason.PROOF} & set(reasons):  # with the proof, names below may go
            arguments.append("--renew-with-new-domains")
        # Without force certbot keeps a certificate of another authority until it expires.
        force = list(reasons) != [Reason.MISSING]
        return [*arguments, "--force-renewal" if force else "--keep-until-expiring"]

    def _failure(self, done: Completed) -> NodeError:
        lines = [line.strip() for line in done.output.splitlines()]
        details = [line for line in lines if line.startswith(_DETAILS)]
        hints = {
            "Type:   dns": f"{_SET_DNS}; look with `dig +short {' '.join(self.domains)}`",
            "Type:   connection": "port 80 must be reachable from the authority: a firewall of the provider? "
            + _SET_DNS,
            "Type:   unauthorized": f"does another machine answer at {' '.join(self.domains)}? {_SET_DNS}",
            "rateLimited": "use `acme: {server: letsencrypt-staging}` until everything else works",
            "Connection refused": f"the authority {self.server} cannot be reached from the node",
            "CERTIFICATE_VERIFY_FAILED": f"the node does not trust {self.server}",
        }
        return NodeError(
            "certificate-failed",
            f"no certificate for {self.name}",
            why="\n".join(details or certbot.said(done)),
            hint=next(
                (hint for sign, hint in hints.items() if sign in done.output),
                _LOG_HINT,
            ),
        )
