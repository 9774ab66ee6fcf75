"""age: who can read a text, as public keys, and who reads it, as private ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from ..keys import operator_key_path, see_named

VARIABLE = "HUBCTL_AGE_KEY"
_AGE_KEY = "AGE-SECRET-KEY-"


@dataclass(frozen=True)
class Identity:
    """A private key that may open the file.

    Args:
        origin: where it is from, for messages.
        key: pyrage's identity.
    """

    origin: str
    key: Any


def recipient(text: str) -> Any:
    """Return pyrage's recipient for a public key.

    Raises:
        HubError: it is no key that age can encrypt to.
    """
    kind = pyrage.x25519.Recipient if text.startswith("age1") else pyrage.ssh.Recipient
    try:
        return kind.from_str(text)
    except pyrage.RecipientError:
        raise HubError(
            "bad-recipient",
            f"`{text[:60]}` is no public key that secrets can be encrypted to",
            why="ed25519 and RSA keys of SSH (`ssh-ed25519 AAAA…`) and age's own (`age1…`) can be used",
            hint='hubctl secrets recipients add "$(cat ~/.ssh/id_ed25519.pub)"',
            exit_code=Exit.USAGE,
        ) from None


def encrypt(text: bytes, recipients: Sequence[str]) -> str:
    """Return the text encrypted to public keys, in age's ASCII armor."""
    sealed: bytes = pyrage.encrypt(text, [recipient(key) for key in recipients], armored=True)
    return sealed.decode()


def decrypt(sealed: str, identities: Sequence[Identity]) -> bytes | None:
    """Return the text, None if none of the identities opens it.

    Raises:
        ValueError: it is damaged.
    """
    try:
        text: bytes = pyrage.decrypt(sealed.encode(), [identity.key for identity in identities])
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            return None
        raise ValueError(str(error)) from None
    return text


def identities(fleet: Fleet, inventory: Path) -> list[Identity]:
    """Return the private keys at hand: of $HUBCTL_AGE_KEY, and the operator's SSH key.

    Raises:
        HubError: one is there and cannot be used, or there is none.
    """
    found = []
    if given := os.environ.get(VARIABLE, "").strip():
        found += _given(given)
    path = operator_key_path(fleet, inventory)
    if os.path.lexists(path):
        try:
            if fleet.operator.ssh_key:
                see_named(path, inventory)
            found.append(_ssh_identity(path.read_bytes(), str(path)))
        except HubError:
            if not found:
                raise
    if not found:
        raise HubError(
            "no-identity",
            "there is no key here that could open the secrets",
            why=f"{path} does not exist, and {VARIABLE} is not set",
            hint=f"name your key as operator.ssh_key in the inventory, or set {VARIABLE} to an age key or its path",
            exit_code=Exit.NOT_ALLOWED,
        )
    return found


def _given(given: str) -> list[Identity]:
    """Return the keys of the environment variable: the text of a key, or the path of a file that holds some."""
    if given.startswith(_AGE_KEY):
        return [_age_identity(line) for line in given.split() if line]
    try:
        data = Path(given).expanduser().read_bytes()
    except (OSError, ValueError):
        # The value is not shown: it may be a key that was cut.
        raise _bad_identity(VARIABLE, "it holds neither an age key nor the path of a file with one") from None
    lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
    keys = [line for line in lines if line.startswith(_AGE_KEY)]
    return [_age_identity(key) for key in keys] or [_ssh_identity(data, VARIABLE)]


def _age_identity(text: str) -> Identity:
    try:
        return Identity(VARIABLE, pyrage.x25519.Identity.from_str(text))
    except pyrage.IdentityError:
        raise _bad_identity(VARIABLE, "it is no valid age key") from None


def _ssh_identity(data: bytes, origin: str) -> Identity:
    try:
        return Identity(origin, pyrage.ssh.Identity.from_buffer(data))
    except pyrage.IdentityError as error:
        why = "it has a passphrase" if "decrypted first" in str(error) else "it is no ed25519 or RSA key"
        raise _bad_identity(origin, why) from None


def _bad_identity(origin: str, why: str) -> HubError:
    return HubError(
        "bad-identity",
        f"{origin} cannot be used to open the secrets",
        why=why,
        hint=f"set {VARIABLE} to an age key (`age-keygen`) that somebody who can open them made a recipient: "
        "`hubctl secrets recipients add age1…`",
        exit_code=Exit.NOT_ALLOWED,
    )
