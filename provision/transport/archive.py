"""The bundled runtime as one archive, the same bytes for the same sources."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import HubError
from .packing import pack

PACKAGE = "hub_runtime"
LOCK = "requirements.lock"


@dataclass(frozen=True)
class RuntimeBundle:
    """The packed runtime: its bytes, their sha256 and the text of its hash-pinned lock."""

    content: bytes
    sha256: str
    requirements: str


def runtime_folder() -> Path:
    """Return the folder that holds the runtime: $HUBCTL_RUNTIME, else the source tree's or the installed one.

    Raises:
        HubError: neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    chosen = os.environ.get("HUBCTL_RUNTIME")
    folders = (Path(chosen),) if chosen else (package.parent / "runtime", package / "_runtime")
    for folder in folders:
        if (folder / PACKAGE).is_dir() and (folder / LOCK).is_file():
            return folder
    raise HubError(
        "no-runtime",
        "the bundled runtime is missing",
        why=f"{PACKAGE}/ and {LOCK} are not in {' or '.join(map(str, folders))}",
        hint="correct HUBCTL_RUNTIME" if chosen else "install hubctl again",
    )


def pack_runtime() -> RuntimeBundle:
    """Pack the runtime's sources; caches and compiled files stay behind."""
    folder = runtime_folder()
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / PACKAGE).rglob("*")
        if _belongs(path)
    }
    content = pack(files)
    return RuntimeBundle(content, hashlib.sha256(content).hexdigest(), (folder / LOCK).read_text())


def _belongs(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
