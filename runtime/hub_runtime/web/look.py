"""Templates to pages: every value escaped, every name given, every part with a version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import charts
from .assets import assets, digest, frame_style
from .view import View

TEMPLATES = Path(__file__).parent / "templates"
LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = Markup('<time datetime="{machine}">{human}</time>')


def render(folder: Path, template: str, view: View, **values: object) -> str:
    """Return a template of this folder, which extends ``base.html``, as a page seen in this way.

    Raises:
        jinja2.UndefinedError: the template names a value that was not given.
    """
    return "".join(stream(folder, template, view, **values))


def stream(folder: Path, template: str, view: View, **values: object) -> Iterator[str]:
    """Yield such a page piece by piece, as the values that it iterates over come."""
    page = _environment(folder).get_template(template)
    return page.generate(view=view, asset=_asset(view.root), look=digest(), **values)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=moment, version=version, counted=counted, amount=amount)
    environment.globals.update(bars=charts.bars, frame_style=frame_style)
    return environment


def _asset(root: str) -> Callable[[str], str]:
    return lambda name: f"{root}assets/{assets()[name].name}"


def moment(when: datetime | str) -> Markup:
    """Return a time that the script tells as "2 min ago"; without it, it is the time in UTC."""
    utc = instant(when)
    machine = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    return _TIME.format(machine=machine, human=f"{utc:%H:%M} UTC")


def instant(when: datetime | str) -> datetime:
    """Return a time in UTC, which one that names no zone is in already; what cannot be one is long ago."""
    try:
        if isinstance(when, str):
            when = datetime.fromisoformat(when.replace("Z", "+00:00"))
        return when.astimezone(timezone.utc) if when.tzinfo else when.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return LONG_AGO


def version(text: str) -> str:
    """Return a short word that is another one when the text is."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def amount(number: int) -> str:
    """Return bytes as people read them, in binary units: "512 MB", "1.5 GB"."""
    return f"{number / 2**20:.0f} MB" if number < 2**30 else f"{number / 2**30:.1f} GB"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 error", "2 errors"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
