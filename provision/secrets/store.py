"""The encrypted file: read whole, replaced whole, one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from ..node.files import write_file
from ..reading import read_regular
from .codec import decode, encode
from .model import Document

_RECIPIENT = "# recipient: "
_ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----"


def path_for(inventory: Path) -> Path:
    """Return the path of an inventory's secrets."""
    return inventory.with_suffix(".secrets")


class SecretStore:
    """The secrets of one inventory.

    The file begins with its recipients, for people to read; what counts is the list inside, which nobody can change
    without being able to open it.

    Args:
        fleet: the fleet, whose operator's key opens the file.
        inventory: path of the inventory.
    """

    def __init__(self, fleet: Fleet, inventory: Path) -> None:
        self.path = path_for(inventory)
        self._fleet = fleet
        self._inventory = inventory
        self._held = False

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return (
            self.path.exists() or self.path.is_symlink()
        )  # a link to nowhere is no file that was never there

    def read(self) -> Document:
        """Return what the file holds; where there is none, a document that the operator can read.

        Raises:
            HubError: no key at hand opens it, or it is damaged.
        """
        if not self.exists:
            return Document(self._first_recipients())
        from . import age

        text = read_regular(self.path).decode(errors="replace")
        keys = age.identities(self._fleet, self._inventory)
        try:
            plain = age.decrypt(text[max(text.find(_ARMOR), 0) :], keys)
            document = decode(plain) if plain is not None else None
        except ValueError as error:
            raise self._damaged(str(error)) from None
        if document is None:
            raise self._not_for_us([key.origin for key in keys])
        if _listed(text) != document.recipients:
            raise self._altered()
        return document

    def write(self, document: Document) -> None:
        """Replace the file in one step, encrypted to the document's recipients."""
        from . import age

        lines = "".join(f"{_RECIPIENT}{key}\n" for key in document.recipients)
        content = f"{_title(self._fleet.fleet)}{lines}{age.encrypt(encode(document), document.recipients)}"
        write_file(self.path, content.rstrip("\n") + "\n")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that changes this inventory's secrets; nests within one store.

        Raises:
            HubError: another process does.
        """
        if self._held:
            yield
            return
        with self._inventory.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._locked() from None
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def _first_recipients(self) -> tuple[str, ...]:
        from ..keys import ensure_operator_key

        return (ensure_operator_key(self._fleet, self._inventory)[0],)

    def _locked(self) -> HubError:
        return HubError(
            "secrets-locked",
            f"another hubctl is changing {self.path}",
            hint="wait for it to end, then run the same command again",
            exit_code=Exit.LOCKED,
        )

    def _damaged(self, why: str) -> HubError:
        return HubError(
            "secrets-damaged",
            f"{self.path} cannot be read",
            why=why,
            hint=f"take it back from version control: git checkout {self.path}",
        )

    def _not_for_us(self, origins: list[str]) -> HubError:
        return HubError(
            "wrong-identity",
            f"{self.path} is not encrypted to any key at hand",
            why=f"tried: {', '.join(origins)}; the file names its recipients in its first lines",
            hint='have one of them run `hubctl secrets recipients add "$(cat YOUR_KEY.pub)"` and commit the file',
            exit_code=Exit.NOT_ALLOWED,
        )

    def _altered(self) -> HubError:
        return HubError(
            "recipients-altered",
            f"the recipients at the top of {self.path} are not those inside",
            why="those lines are for reading only; somebody has changed them by hand",
            hint=f"git checkout {self.path}, then `hubctl secrets recipients add KEY`",
            exit_code=Exit.NOT_ALLOWED,
        )


def _title(fleet: str) -> str:
    return f"# The secrets of fleet {fleet}, encrypted by age. `hubctl secrets edit` changes them.\n"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix(_RECIPIENT) for line in text.splitlines() if line.startswith(_RECIPIENT))
