"""Notebooks as pages of their own for sandboxed frames: they are nobody's origin, and nothing in them runs."""

from __future__ import annotations

from flask import Response

from ..web import policy
from ..web.view import View
from . import pages
from .model import Summary


def response(summary: Summary | None, view: View | None = None) -> Response:
    """Return the page of one summary, or one that says that there is none."""
    page = pages.cells(view or View(), summary)
    return Response(page, 200 if summary else 404, headers=policy.FRAME)
