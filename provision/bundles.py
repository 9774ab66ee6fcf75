"""What is released of a service: its own package of the runtime with all that it imports of it, and its own lock."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .errors import HubError
from .packing import pack

PACKAGE = "hub_runtime"
LOCKS = "locks"

# `from ..serve import main`, `from .. import systemd, web`, `from hub_runtime.tbn import solve`. Parsing the files
# whole would take longer than all else that a deploy without changes does here.
_IMPORT = re.compile(r"^[ \t]*from (\.+|hub_runtime\.?)(\w*)[\w.]* import ([\w, ]+)", re.MULTILINE)


@dataclass(frozen=True)
class Bundle:
    """A service's packed code: sha256 of the tar, the text of its hash-pinned lock, and the tar itself."""

    sha256: str
    requirements: str
    content: bytes = field(default=b"", repr=False)


def runtime_folder() -> Path:
    """Return the folder that holds the runtime: $HUBCTL_RUNTIME, else the source tree's or the installed one.

    Raises:
        HubError: neither is there.
    """
    package = Path(__file__).resolve().parent
    chosen = os.environ.get("HUBCTL_RUNTIME")
    folders = (Path(chosen),) if chosen else (package.parent / "runtime", package / "_runtime")
    for folder in folders:
        if (folder / PACKAGE).is_dir() and (folder / LOCKS).is_dir():
            return folder
    raise HubError(
        "no-runtime",
        "the bundled runtime is missing",
        why=f"{PACKAGE}/ and {LOCKS}/ are not in {' or '.join(map(str, folders))}",
        hint="correct HUBCTL_RUNTIME" if chosen else "install hubctl again",
    )


@cache
def bundle(service: str) -> Bundle:
    """Pack a service: the same bytes for the same sources, whatever else is in the runtime.

    Raises:
        HubError: the runtime is missing.
    """
    folder = runtime_folder()
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sources(folder / PACKAGE, service)
    }
    content = pack(files)
    return Bundle(hashlib.sha256(content).hexdigest(), lock(f"{service}.lock"), content)


@cache
def lock(name: str) -> str:
    """Return the text of a lock, by its file's name.

    Raises:
        HubError: the runtime is missing.
    """
    return (runtime_folder() / LOCKS / name).read_text()


def sources(package: Path, service: str) -> list[Path]:
    """Return the files of a service's package and of every part of the runtime that it imports, directly or not."""
    waiting, found = [service], {package / "__init__.py"}
    seen: set[str] = set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        files = _files(package, part)
        found.update(files)
        waiting += [name for path in files if path.suffix == ".py" for name in _parts(package, path)]
    return sorted(found)


def _files(package: Path, part: str) -> list[Path]:
    module = package / f"{part}.py"
    if module.is_file():
        return [module]
    return [path for path in (package / part).rglob("*") if path.is_file() and _belongs(path)]


def _belongs(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix != ".pyc"


def _parts(package: Path, path: Path) -> Iterator[str]:
    """Yield the parts of the runtime, its top modules and packages, that a file imports, each on a line of its own."""
    up = "." * len(path.relative_to(package).parts)  # so many dots lead to the runtime's top
    for lead, word, names in _IMPORT.findall(path.read_text()):
        if lead == up or lead[0] != ".":
            for part in [word] if word else [name.split()[0] for name in names.split(",")]:
                if (package / part).is_dir() or (package / f"{part}.py").is_file():
                    yield part
