"""The look in a Flask application, or in a part of one."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, abort

from . import policy
from .assets import FOREVER, named


def install(part: Flask | Blueprint, root: str = "/") -> None:
    """Serve the assets below ``root`` and give every answer the headers of a page, unless it has its own."""
    part.add_url_rule(f"{root}assets/<name>", "assets", _asset)
    part.after_request(_guarded)


def _asset(name: str) -> Response:
    asset = named().get(name)
    if asset is None:
        abort(404)
    return Response(asset.body, content_type=asset.type, headers={"Cache-Control": FOREVER})


def _guarded(response: Response) -> Response:
    for name, value in policy.PAGE.items():
        response.headers.setdefault(name, value)
    return response
