"""Copies of the bundled runtime with something changed, as another version of hubctl would bring them."""

from __future__ import annotations

import shutil
from pathlib import Path

from provision.bundles import runtime_folder

SICK = """
_healthy = app


def app(environ, start):
    if environ["PATH_INFO"] == "/health":
        start("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"broken on purpose"]
    return _healthy(environ, start)
"""
FALLS = "\nraise RuntimeError('broken on purpose')\n"
WEB, WORKER, BOTH = "task_api/wsgi.py", "task_api/supervise.py", "__init__.py"


def runtime_with(folder: Path, path: str, text: str) -> str:
    """Copy the runtime, add text to one of its modules, and return the value for HUBCTL_RUNTIME."""
    shutil.copytree(
        runtime_folder(), folder, ignore=shutil.ignore_patterns("__pycache__", "tests"), dirs_exist_ok=True
    )
    module = folder / "hub_runtime" / path
    module.write_text(module.read_text() + text)
    return str(folder)
