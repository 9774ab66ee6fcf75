"""The files of the deploy key on this computer while it changes: they say how far the change has come.

Beside the key itself, `.next` is one that is being brought to the nodes, `.former` one that is being taken away from
them. The key in use opens every node at every moment.
"""

from __future__ import annotations

from pathlib import Path

from .. import keys
from ..node.files import sync_directory, write_file


class KeyFiles:
    """The files of one key.

    Args:
        use: the private key in use; there is one.
        comment: what public halves say after the key.
    """

    def __init__(self, use: Path, comment: str) -> None:
        self.use = use
        self.next = use.with_name(f"{use.name}.next")
        self.former = use.with_name(f"{use.name}.former")
        self._public = use.with_name(f"{use.name}.pub")
        self._comment = comment

    @property
    def begun(self) -> bool:
        """Whether a change has begun and not ended."""
        return self.next.exists() or self.former.exists()

    @property
    def swapped(self) -> bool:
        """Whether the key in use is the new one, and the old one waits to be taken away."""
        return self.former.exists() and not self.next.exists()

    def public(self, private: Path) -> str:
        """Return the public half of one of the keys."""
        return f"{keys.public_of(private)} {self._comment}"

    def begin(self) -> None:
        """Make the next key, unless a former run has."""
        if not self.next.exists():
            write_file(self.next, keys.make(self._comment).private)

    def swap(self) -> None:
        """Put the next key in use, and keep the one before it as the former."""
        write_file(self.former, self.use.read_bytes())
        # Beside a public half that is not its own, ssh refuses a private key; without any, it takes it.
        self._public.unlink(missing_ok=True)
        self.next.replace(self.use)
        sync_directory(self.use.parent)

    def write_public(self) -> None:
        """Write the public half of the key in use beside it."""
        write_file(self._public, self.public(self.use) + "\n", 0o644)

    def end(self) -> None:
        """Overwrite and remove the former key."""
        self.former.write_bytes(b"\0" * self.former.stat().st_size)
        self.former.unlink()
