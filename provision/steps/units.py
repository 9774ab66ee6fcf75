"""Unit files, which systemd reads before they count."""

from __future__ import annotations

from collections.abc import Mapping

from ..node.resources import CheckedFiles, File

FOLDER = "/etc/systemd/system"


def unit_files(name: str, texts: Mapping[str, str]) -> CheckedFiles:
    """Return a checked group of unit files and drop-ins.

    Args:
        name: the group's name.
        texts: contents by path below `/etc/systemd/system/`, such as `app@.service` or `app.service.d/limits.conf`.
    """
    files = tuple(File(f"{FOLDER}/{path}", text) for path, text in texts.items())
    units = dict.fromkeys(path.split(".d/")[0] for path in texts)
    paths = (f"{FOLDER}/{unit}" if unit in texts else unit for unit in units)
    return CheckedFiles(
        name, files, check=("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *paths)
    )
