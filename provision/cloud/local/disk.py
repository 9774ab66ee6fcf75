"""A machine's disk before its first boot: its own layer over the read-only base image."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """Reads fall through to the base image, writes land in the machine's own layer.

    Attributes:
        base: root of the base image.
        layer: what this machine has of its own (overlayfs' upper folder).
    """

    base: Path
    layer: Path

    def read(self, name: str) -> str:
        """Return the text of a file as the machine will see it; empty when there is none."""
        for root in (self.layer, self.base):
            if (root / name).is_file():
                return (root / name).read_text()
        return ""

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> None:
        """Write a file of the machine, owned by its root, with this mode from the start."""
        path = self.layer / name
        self.folder(str(Path(name).parent))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            os.fchmod(descriptor, mode)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link of the machine."""
        self.folder(str(Path(name).parent))
        (self.layer / name).unlink(missing_ok=True)
        (self.layer / name).symlink_to(target)

    def folder(self, name: str, mode: int | None = None) -> None:
        """Make a folder and those above it; each has the mode and owner that the base gives it, else 0755."""
        layer, base = self.layer, self.base
        for part in Path(name).parts:
            layer, base = layer / part, base / part
            if layer.is_dir():
                continue
            layer.mkdir(mode=0o755)
            if base.is_dir():
                shutil.copystat(base, layer)
                os.chown(layer, base.stat().st_uid, base.stat().st_gid)
        if mode is not None:
            layer.chmod(mode)
