"""certbot: its files, and what it says when it is asked for a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from .run import Run
from .system import Completed
from .x509 import Validity, belong_together, read_certificate

_ROOT = "/etc/letsencrypt"
_FILES = ("cert.pem", "chain.pem", "fullchain.pem", "privkey.pem")
_LOG = "/var/log/letsencrypt/letsencrypt.log"
_LOGGED = "acme.messages.Error: "
_LIMIT_SECONDS = 600
_CHATTER = (
    "- - -",
    "* Donating",
    "Account registered",
    "Ask for help or search for solutions",
    "If you like Certbot",
    "NOTE: ",
    "Requesting a certificate for",
    "Saving debug log",
    "Thank you for",
)


def _live(run: Run, name: str, file: str) -> Path:
    return run.path(f"{_ROOT}/live/{name}/{file}")


def servable(run: Run, name: str) -> Validity | None:
    """Return what a certificate says, None where it or its key cannot be loaded."""
    chain, key = _live(run, name, "fullchain.pem"), _live(run, name, "privkey.pem")
    try:
        return _loaded(chain, key, (chain.stat().st_mtime_ns, key.stat().st_mtime_ns))
    except OSError:
        return None


@lru_cache
def _loaded(chain: Path, key: Path, _written: tuple[int, int]) -> Validity | None:
    """Load both, once as long as they are the same: two resources of each site ask."""
    found = read_certificate(chain)
    return found if found and belong_together(chain, key) else None


def renewal_server(run: Run, name: str) -> str:
    """Return the authority that a certificate is renewed by, or nothing where it cannot be renewed."""
    settings = _settings(run.path(f"{_ROOT}/renewal/{name}.conf"))
    links = [_live(run, name, file) for file in _FILES]
    linked = all(link.is_symlink() and link.exists() for link in links)
    named = all(file.partition(".")[0] in settings for file in _FILES)
    return settings.get("server", "") if linked and named else ""


def proven_by(run: Run, name: str) -> str:
    """Return the plugin of certbot by which a certificate is renewed, or nothing."""
    return _settings(run.path(f"{_ROOT}/renewal/{name}.conf")).get("authenticator", "")


def _settings(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def certonly(run: Run, server: str, arguments: Sequence[str]) -> Completed:
    """Ask for a certificate; an account that the authority has forgotten is made again.

    Args:
        run: the run.
        server: URL of the authority's directory.
        arguments: what else `certbot certonly` is told.

    Returns:
        The program, with the authority's own errors in its output.
    """
    argv = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--no-eff-email", "--server", server]
    done = _run(run, [*argv, *arguments])
    if done.status != 0 and _account_unknown(done.output):
        # certbot registers a new one.
        place = server.split("://", 1)[-1].rstrip("/")
        run.put_away(run.path(f"{_ROOT}/accounts/{place}"))
        done = _run(run, [*argv, *arguments])
    return done


def _run(run: Run, argv: Sequence[str]) -> Completed:
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


def said(done: Completed) -> list[str]:
    """Return what a failed certbot said of the matter: no thanks, no adverts, not where it logs."""
    lines = (line.strip() for line in done.tail(40).splitlines())
    return [line for line in lines if line and not line.startswith(_CHATTER)][-12:]


def _account_unknown(output: str) -> bool:
    return "accountDoesNotExist" in output or "Account is not valid" in output


def put_away(run: Run, name: str) -> None:
    """Put away what is left of a damaged certificate; beside it certbot would refuse the name or give another."""
    for place in (f"renewal/{name}.conf", f"live/{name}", f"archive/{name}"):
        run.put_away(run.path(f"{_ROOT}/{place}"))
