"""A machine's disk before its first boot: its own layer over the read-only base image."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_OPAQUE = "trusted.overlay.opaque"


@dataclass(frozen=True)
class Disk:
    """Reads fall through to the base image, writes land in the machine's own layer.

    Attributes:
        base: root of the base image.
        layer: what this machine has of its own (overlayfs' upper folder).
        snapshots: layers between the two, the topmost first.
    """

    base: Path
    layer: Path
    snapshots: tuple[Path, ...] = ()

    @property
    def lowers(self) -> tuple[Path, ...]:
        """Everything below the machine's own layer, the topmost first."""
        return (*self.snapshots, self.base)

    def below(self, name: str) -> Path | None:
        """Return where a file or folder below the machine's own layer is; None where there is none."""
        for root in self.lowers:
            if os.path.lexists(root / name) and not _removed(root / name):
                return root / name
            if any(_removed(root / path) or _replaced(root / path) for path in _and_parents(name)):
                return None
        return None

    def read(self, name: str) -> str:
        """Return the text of a file as the machine will see it; empty when there is none."""
        own = self.layer / name
        path = own if os.path.lexists(own) else self.below(name)
        return path.read_text() if path is not None and path.is_file() else ""

    def has(self, name: str) -> bool:
        """Tell whether the machine will see a file, a folder or a link of this name."""
        return os.path.lexists(self.layer / name) or self.below(name) is not None

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
        """Make a folder and those above it; each has the mode and owner that it has below, else 0755."""
        for path in _and_parents(name):
            layer, below = self.layer / path, self.below(str(path))
            if layer.is_dir():
                continue
            layer.mkdir(mode=0o755)
            if below is not None and below.is_dir():
                layer.chmod(stat.S_IMODE(below.stat().st_mode))
                os.chown(layer, below.stat().st_uid, below.stat().st_gid)
        if mode is not None:
            (self.layer / name).chmod(mode)


def _and_parents(name: str) -> list[Path]:
    """Return a path and those of its parents below the root, the outermost first."""
    path = Path(name)
    return [*reversed(path.parents[:-1]), path]


def _removed(path: Path) -> bool:
    """Tell whether this is overlayfs' sign of a file that is not there any more."""
    return path.is_char_device() and path.stat().st_rdev == 0


def _replaced(path: Path) -> bool:
    """Tell whether this is a folder that shows nothing of what is below it."""
    return (
        path.is_dir()
        and not path.is_symlink()
        and _OPAQUE in os.listxattr(path)
        and os.getxattr(path, _OPAQUE) == b"y"
    )
