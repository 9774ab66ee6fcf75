"""What admins of a hub added in the browser to what its users can import: asked for, and resolved."""

from __future__ import annotations

from ..files import remove
from ..locks import asked_for, by_name, pins
from ..records import dataclass
from ..run import Run
from ..state import load, save, typed, words


@dataclass(frozen=True)
class Added:
    """Requirements, and the lock that they were resolved to."""

    asked: tuple[str, ...] = ()
    lock: str = ""

    def by_name(self) -> dict[str, str]:
        """Return the requirements by the normal names of their packages."""
        return by_name(self.asked)


def read(run: Run, path: str) -> Added:
    """Read what was added; nothing where there is no file.

    Raises:
        NodeError: the file is damaged.
    """

    def made(data: object) -> Added:
        found = typed(data, dict)
        added = Added(tuple(words(found["asked"])), typed(found["lock"], str))
        pins(added.lock)
        for each in added.asked:
            asked_for(each)
        return added

    hint = f"on the node: move {path} away; then admins add their packages again"
    return load(run.path(path), "packages", hint, made) or Added()


def write(run: Run, path: str, added: Added) -> None:
    """Keep what was added; nothing needs no file."""
    if added.asked:
        save(run.path(path), {"asked": list(added.asked), "lock": added.lock})
    else:
        remove(run.path(path))
