"""The headers that say what a browser may do with a page."""

from __future__ import annotations

import base64
import hashlib

from .assets import frame_style

_COMMON = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _policy(**directives: str) -> str:
    return "; ".join(f"{name.replace('_', '-')} {value}".strip() for name, value in directives.items())


PAGE = {
    "Content-Security-Policy": _policy(
        default_src="'none'",
        script_src="'self'",
        style_src="'self'",
        img_src="'self'",
        connect_src="'self'",
        frame_src="'self'",
        form_action="'self'",
        base_uri="'none'",
        frame_ancestors="'none'",
    ),
    **_COMMON,
}
"""For pages of ours: everything from here, nothing inline, in nobody's frame."""

_STYLE = base64.b64encode(hashlib.sha256(frame_style().encode()).digest()).decode()

FRAME = {
    "Content-Security-Policy": _policy(
        default_src="'none'",
        style_src=f"'sha256-{_STYLE}'",
        img_src="data:",
        base_uri="'none'",
        form_action="'none'",
        frame_ancestors="'self'",
        sandbox="",
    ),
    **_COMMON,
}
"""For what learners wrote: an origin of its own, nothing that runs, the one style that is ours, pictures that it holds
itself, in our pages alone."""
