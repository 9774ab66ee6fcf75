"""What releases stand on: the tool that installs them, and the address of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from ..bundles import Bundle
from ..node.releases.home import ROOT
from ..node.resources import PythonEnv, Resource
from ..render import render
from .context import Context

_TOOL = f"{ROOT}/uv"
UV = f"{_TOOL}/bin/uv"
_ADDRESS_DIGITS = 16


def runtime(_: Context) -> list[Resource]:
    """Return uv, which makes the releases' virtual environments; pip installs it by hashes."""
    return [PythonEnv(_TOOL, requirements=render("uv/requirements.lock"))]


def content_address(bundle: Bundle, settings: str, files: Iterable[str]) -> str:
    """Return the name of a release: equal for equal content, another for any other.

    Args:
        bundle: the code and its lock.
        settings: text of the release's settings.
        files: texts of the unit files that run it. A changed unit is a new release too, which starts beside the
            running one; a restart in its place would make requests wait.
    """
    content = json.dumps([bundle.sha256, bundle.requirements, settings, *files])
    return hashlib.sha256(content.encode()).hexdigest()[:_ADDRESS_DIGITS]
