"""Notebooks as pages of their own for sandboxed frames: they are nobody's origin, and nothing in them runs."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from flask import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from .model import Summary


def response(summary: Summary | None) -> Response:
    """Return the page of one summary."""
    environment, style, policy = _template()
    page = environment.get_template("frame.html").render(summary=summary, style=style)
    answer = Response(page, 200 if summary else 404, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer


@cache
def _template() -> tuple[Environment, str, str]:
    style = (files(__package__) / "templates" / "frame.css").read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
    )
    environment = Environment(
        loader=PackageLoader("hub_runtime.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment, style, policy
