"""Archives for nodes, the engine's above all: the same bytes for the same sources."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from . import node

PACKAGE = "hubctl_node"
# Taking the interpreter down in order would cost every run 10 ms; events are written unbuffered.
_MAIN = f"""import os
import sys


class Later(type(sys)):
    # inspect, which dataclasses import and seldom use, would cost every run 5 ms.
    @staticmethod
    def get_annotations(cls):  # used by Python 3.13 for each dataclass
        return vars(cls).get("__annotations__", {{}})

    def __getattr__(self, name):
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)


sys.modules["inspect"] = Later("inspect")

from {PACKAGE}.main import main

if sys.argv[2:] == ["admin"]:
    from {PACKAGE}.admin import main

status = main()
sys.stderr.flush()
os._exit(status)
"""


@cache
def engine_archive() -> tuple[str, bytes]:
    """Return the sha256 (hex) of the archive and the archive, a tar.

    A node keeps it as one file (node/install.py), from which it is started (node/start.py).
    """
    source = Path(node.__file__).parent
    files = {
        f"{PACKAGE}/{path.relative_to(source).as_posix()}": path.read_bytes() for path in source.rglob("*.py")
    }
    packed = pack({**files, "__main__.py": _MAIN.encode()})
    return hashlib.sha256(packed).hexdigest(), packed


@cache
def engine_program(name: str) -> str:
    """Return a program that a node's Python is given as text: `start` or `install`."""
    return (Path(node.__file__).parent / f"{name}.py").read_text()


def pack(files: Mapping[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tar of files, by their names in it; names of any kind need the form `tarfile.PAX_FORMAT`.

    It is not compressed: compressors differ from one computer to the next, and with them its sha256 would.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
