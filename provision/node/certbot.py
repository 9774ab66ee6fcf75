"""certbot: when a certificate must be issued, and how."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import NodeError
from .run import Run
from .system import Completed

if TYPE_CHECKING:
    from .resources.certificate import Certificate

_ROOT = "/etc/letsencrypt"
_LOG = "/var/log/letsencrypt/letsencrypt.log"
_LOGGED = "acme.messages.Error: "
_WEEK = 7 * 86_400
_LIMIT_SECONDS = 600
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Reason(Enum):
    """Why a certificate must be issued."""

    MISSING = "issue"
    DOMAINS = "issue for other names"
    SERVER = "issue by another authority"
    EXPIRY = "renew, it expires soon"


class Validity(NamedTuple):
    """What a certificate says: its names, and from when until when it holds (seconds since 1970)."""

    names: frozenset[str]
    begins: float
    ends: float


_SET_DNS = "`hubctl create-node NODE` sets the DNS records"


def read_certificate(path: Path) -> Validity | None:
    """Read the first certificate of a PEM file, or None where there is no readable one."""
    import _ssl  # ssl itself takes ten times as long to import

    try:
        fields = _ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    except (OSError, ValueError):
        return None
    names = frozenset(value for kind, value in fields.get("subjectAltName", ()) if kind == "DNS")
    return Validity(names, _seconds(fields["notBefore"]), _seconds(fields["notAfter"]))


def _seconds(text: str) -> float:
    """Read a time such as `Jan  5 09:34:43 2028 GMT`, whatever the locale."""
    from datetime import datetime, timezone

    month, day, clock, year, _ = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    date = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=timezone.utc)
    return date.timestamp()


def live(run: Run, name: str) -> Path:
    """Return where certbot keeps a certificate."""
    return run.path(f"{_ROOT}/live/{name}/fullchain.pem")


def reasons(run: Run, wanted: Certificate) -> list[Reason]:
    """Return why the certificate must be issued; empty when it is right."""
    found = read_certificate(live(run, wanted.name))
    if found is None:
        return [Reason.MISSING]
    result = []
    if not found.names >= set(wanted.domains):
        result.append(Reason.DOMAINS)
    if _renewal_server(run, wanted.name) != wanted.server:
        result.append(Reason.SERVER)
    # A short-lived certificate is renewed in its last third.
    if found.ends - time.time() < min(_WEEK, (found.ends - found.begins) / 3):
        result.append(Reason.EXPIRY)
    return result


def _renewal_server(run: Run, name: str) -> str:
    path = run.path(f"{_ROOT}/renewal/{name}.conf")
    for line in path.read_text().splitlines() if path.exists() else ():
        key, _, value = line.partition("=")
        if key.strip() == "server":
            return value.strip()
    return ""


def issue(run: Run, wanted: Certificate) -> None:
    """Have the certificate issued; an account that the authority has forgotten is made again.

    Raises:
        NodeError: with the authority's reason and what to do about it.
    """
    why = reasons(run, wanted)
    if why == [Reason.MISSING]:
        _put_away_remains(run, wanted.name)
    done = _certonly(run, wanted, why)
    if done.status != 0 and _account_unknown(done.output):
        _forget_account(run, wanted.server)
        done = _certonly(run, wanted, why)
    if done.status != 0 or reasons(run, wanted):
        raise _failure(wanted, done)


def _certonly(run: Run, wanted: Certificate, why: list[Reason]) -> Completed:
    argv = [
        "certbot",
        "certonly",
        "--non-interactive",
        "--agree-tos",
        "--email",
        wanted.email,
        "--no-eff-email",
    ]
    argv += ["--server", wanted.server, "--webroot", "--webroot-path", str(run.path(wanted.webroot))]
    argv += ["--cert-name", wanted.name, *(f"--domain={domain}" for domain in wanted.domains)]
    if Reason.DOMAINS in why:
        argv.append("--renew-with-new-domains")
    # Without force certbot keeps a certificate of another authority until it expires.
    argv.append("--force-renewal" if why != [Reason.MISSING] else "--keep-until-expiring")
    log = _log(run)
    done = run.system.run(argv, timeout=_LIMIT_SECONDS, on_line=run.progress)
    if done.status == 0:
        return done
    said = _log(run)
    return Completed(done.status, done.output + _errors(said[len(log) :] if said.startswith(log) else said))


def _log(run: Run) -> str:
    path = run.path(_LOG)
    return path.read_text("utf-8", "replace") if path.exists() else ""


def _errors(log: str) -> str:
    """Return the authority's errors in certbot's log: on Python 3.11 certbot 2.1 shows another in their place."""
    lines = log.splitlines()
    errors = (line.partition(_LOGGED)[2] for line in lines if line.startswith(_LOGGED))
    return "".join(f"{error}\n" for error in dict.fromkeys(errors))


def _account_unknown(output: str) -> bool:
    return "accountDoesNotExist" in output or "Account is not valid" in output


def _forget_account(run: Run, server: str) -> None:
    """Put away the account at this authority; certbot registers a new one."""
    place = server.split("://", 1)[-1].rstrip("/")
    run.put_away(run.path(f"{_ROOT}/accounts/{place}"))


def _put_away_remains(run: Run, name: str) -> None:
    """Put away what is left of a damaged certificate; beside it certbot would give the new one another name."""
    for place in (f"renewal/{name}.conf", f"live/{name}", f"archive/{name}"):
        run.put_away(run.path(f"{_ROOT}/{place}"))


def _failure(wanted: Certificate, done: Completed) -> NodeError:
    details = [
        line.strip()
        for line in done.output.splitlines()
        if line.strip().startswith(("Domain:", "Type:", "Detail:"))
    ]
    output = done.output
    names = " ".join(wanted.domains)
    hints = {
        "Type:   dns": f"{_SET_DNS}; look with `dig +short {names}`",
        "Type:   connection": f"port 80 must be reachable from the authority: a firewall of the provider? {_SET_DNS}",
        "Type:   unauthorized": f"does another machine answer at {names}? {_SET_DNS}",
        "rateLimited": "use `acme: {server: letsencrypt-staging}` until everything else works",
        "Connection refused": f"the authority {wanted.server} cannot be reached from the node",
        "CERTIFICATE_VERIFY_FAILED": f"the node does not trust {wanted.server}",
    }
    hint = next(
        (text for sign, text in hints.items() if sign in output),
        "on the node: less /var/log/letsencrypt/letsencrypt.log",
    )
    return NodeError(
        "certificate-failed",
        f"no certificate for {wanted.name}",
        why="\n".join(details) or done.tail(12),
        hint=hint,
    )
