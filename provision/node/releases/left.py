"""Releases of which no description is left, only units: of a folder that somebody removed or damaged."""

from __future__ import annotations

import os
from collections.abc import Collection

from ..run import Run
from ..systemd import SYSTEM
from .served import Served


def left(run: Run, like: Served, known: Collection[str]) -> list[Served]:
    """Return releases by the units that they have left: by unit files, and by what starts at boot.

    Args:
        run: the run.
        like: a release of the same service, whose processes have the names of theirs.
        known: releases that are no news.
    """
    system = run.path(SYSTEM)
    files = os.listdir(system) if system.is_dir() else []  # noqa: PTH208  a tenth of the time
    found: dict[str, set[str]] = {}
    for unit in (*files, *run.units.linked()):
        name, _, instance = unit.partition("@")
        release, _, kind = instance.partition(".")
        ours = name in (like.service, like.web, *like.workers) or name.startswith(f"{like.service}-")
        if kind == "service" and ours and release and release not in known:
            found.setdefault(release, set()).add(name)
    return [
        Served(
            like.service,
            release,
            web=next((name for name in (like.web, like.service) if name in names), ""),
            workers=tuple(sorted(names - {like.web, like.service})),
            shares_socket=like.shares_socket,
        )
        for release, names in sorted(found.items())
    ]
