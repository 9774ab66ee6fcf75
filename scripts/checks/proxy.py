"""proxy: what stands behind it, asked through the tunnel."""

from __future__ import annotations

from .site import Failed, Hubctl, Site

QUESTION = "GET /health"


def check(site: Site, _: Hubctl) -> str:
    """Return the health that the far end gives."""
    status, answer = site.ask("GET", "/health")
    if status != 200:
        raise Failed(f"the far end answers {status}: {answer}")
    return f"{status} through the tunnel"
