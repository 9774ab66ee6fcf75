"""Changing the secrets file: values, and who can read them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..errors import Exit, HubError
from ..inventory.suggest import did_you_mean
from . import model
from .model import Document
from .store import SecretStore
from .value import Secret

MANAGED = ("tunnel/", "service/")
"""Names that begin like this are made, changed and removed by hubctl alone."""

_HEADER = """\
# One secret per name, as YAML: `name: value`; several lines after `name: |`.
# What changes becomes a new generation, a line that is gone is a secret that is gone.
"""


def set_value(store: SecretStore, name: str, value: Secret) -> int:
    """Give a secret a new value; return its generation.

    Raises:
        HubError: the name is no name, is hubctl's own, or the value is empty.
    """
    model.checked_name(name)
    _refuse_managed(name)
    if not value.reveal():
        raise HubError("empty-secret", f"the value for {name} is empty", exit_code=Exit.USAGE)
    with store.locked():
        document = store.read()
        generations = model.replaced(document.generations(name), value, datetime.now(UTC))
        store.write(document.with_secret(name, generations))
    return generations[-1].number


def show_value(store: SecretStore, name: str) -> str:
    """Return the value of a secret that is in use.

    Raises:
        HubError: there is no such secret.
    """
    document = store.read()
    found = model.newest(document.generations(name))
    if found is None:
        raise HubError(
            "unknown-secret",
            f"there is no secret {name}",
            why=f"the secrets are: {', '.join(document.secrets) or 'none'}",
            hint=did_you_mean(name, document.secrets),
            exit_code=Exit.USAGE,
        )
    return found.reveal()


def edit(store: SecretStore) -> list[str]:
    """Open the secrets in the operator's editor; return the names that changed.

    The text lies in a folder of this user alone on a file system in memory, and is overwritten before it goes.

    Raises:
        HubError: the editor failed, or what it left is no list of secrets; nothing was changed then.
    """
    with store.locked():
        document = store.read()
        before = {
            name: found.reveal()
            for name, generations in document.secrets.items()
            if not name.startswith(MANAGED) and (found := model.current(generations))
        }
        after = _edited(before)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        now = datetime.now(UTC)
        for name in changed:
            generations = model.replaced(document.generations(name), Secret(after.get(name, "")), now)
            document = document.with_secret(name, generations if name in after else ())
        if changed:
            store.write(document)
    return changed


def add_recipient(store: SecretStore, key: str) -> bool:
    """Let one more key read the secrets; return whether it could not before.

    Raises:
        HubError: it is no key.
    """
    from . import age

    key = " ".join(key.split())
    age.recipient(key)
    with store.locked():
        document = store.read()
        if any(_same(key, known) for known in document.recipients):
            return False
        store.write(Document((*document.recipients, key), document.secrets))
    return True


def remove_recipient(store: SecretStore, key: str) -> str:
    """Encrypt the secrets without a key from now on; return the recipient.

    Args:
        store: the secrets.
        key: a recipient as listed, its key alone, or its comment.

    Raises:
        HubError: there is no such recipient, or it is the only one.
    """
    key = " ".join(key.split())
    with store.locked():
        document = store.read()
        found = [known for known in document.recipients if _same(key, known) or key in known.split()[1:]]
        if len(found) != 1:
            raise HubError(
                "unknown-recipient",
                f"{len(found) or 'no'} recipients are called `{key[:60]}`",
                why="the recipients are:\n" + "\n".join(document.recipients),
                hint="name one as it is listed",
                exit_code=Exit.USAGE,
            )
        rest = tuple(known for known in document.recipients if known != found[0])
        if not rest:
            raise HubError(
                "last-recipient",
                "nobody could read the secrets without this recipient",
                hint="add another first: `hubctl secrets recipients add KEY`",
                exit_code=Exit.USAGE,
            )
        store.write(Document(rest, document.secrets))
    return found[0]


def _same(key: str, known: str) -> bool:
    """Whether two public keys are the same, whatever their comments."""
    return key.split()[:2] == known.split()[:2]


def _refuse_managed(name: str) -> None:
    if name.startswith(MANAGED):
        raise HubError(
            "managed-secret",
            f"{name} is made by hubctl, for all nodes at once",
            hint=f"hubctl rotate-key {name}",
            exit_code=Exit.USAGE,
        )


def _edited(before: Mapping[str, str]) -> dict[str, str]:
    import yaml

    text = _HEADER + (yaml.safe_dump(dict(before), allow_unicode=True) if before else "")
    with _private_file() as path:
        path.write_text(text)
        chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not chosen and not sys.stdin.isatty():
            raise _not_edited(
                "there is no terminal, and neither VISUAL nor EDITOR names a program that needs none"
            )
        editor = shlex.split(chosen or "vi")
        try:
            status = subprocess.run([*editor, str(path)], check=False).returncode
        except OSError as error:
            raise _not_edited(f"{editor[0]}: {error.strerror}") from None
        if status != 0:
            raise _not_edited(f"{editor[0]} ended with status {status}")
        text = path.read_text()
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        raise _not_edited("it is no YAML") from None  # the error itself would quote the text
    if not isinstance(found, dict) or not all(isinstance(value, str) and value for value in found.values()):
        raise _not_edited("it is no list of `name: value` with texts as values (put numbers in quotes)")
    for name in found:
        model.checked_name(str(name))
        _refuse_managed(str(name))
    return found


def _not_edited(why: str) -> HubError:
    return HubError("not-edited", "nothing was changed", why=why, hint="`EDITOR=nano hubctl secrets edit`")


@contextlib.contextmanager
def _private_file() -> Iterator[Path]:
    """Give a file that only this user can read and that never reaches a disk, where the system has such a place."""
    memory = Path("/dev/shm")  # noqa: S108  a file system in memory; the folder made in it is ours alone
    folder = Path(tempfile.mkdtemp(prefix="hubctl-", dir=memory if memory.is_dir() else None))  # 0700
    path = folder / "secrets.yml"
    path.touch(mode=0o600)
    try:
        yield path
    finally:
        for left in folder.iterdir():  # editors leave copies of their own
            if left.is_file():
                left.write_bytes(b"\0" * left.stat().st_size)
        shutil.rmtree(folder)
