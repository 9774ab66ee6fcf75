"""What a certificate says, read without a library for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Validity(NamedTuple):
    """A certificate's names, and from when until when it holds (seconds since 1970)."""

    names: frozenset[str]
    begins: float
    ends: float


def read_certificate(path: Path) -> Validity | None:
    """Read the first certificate of a PEM file, or None where there is no readable one."""
    import _ssl  # ssl itself takes ten times as long to import

    try:
        fields = _ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    except (OSError, ValueError):
        return None
    names = frozenset(value for kind, value in fields.get("subjectAltName", ()) if kind == "DNS")
    return Validity(names, _seconds(fields["notBefore"]), _seconds(fields["notAfter"]))


def belong_together(chain: Path, key: Path) -> bool:
    """Whether a certificate and a private key, each in a PEM file, are there and made for each other."""
    import _ssl

    try:
        _ssl._SSLContext(_ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            str(chain),
            str(key),
            "",  # a password, else a key that wants one asks the terminal
        )
    except (OSError, ValueError):
        return False
    return True


def _seconds(text: str) -> float:
    """Read a time such as `Jan  5 09:34:43 2028 GMT`, whatever the locale."""
    from datetime import datetime, timezone

    month, day, clock, year, _ = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    date = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=timezone.utc)
    return date.timestamp()
