"""SSH keys: the operator's, kept on this computer, and a node's host key, made before the node exists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import Exit, HubError
from .inventory.model import Fleet
from .node.files import alone_in, write_file


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key pair in OpenSSH's formats; the private half is not shown by repr."""

    private: str
    public: str

    def __repr__(self) -> str:
        """Leave the private half out."""
        return f"KeyPair(public={self.public!r})"

    @property
    def public_base64(self) -> str:
        """The key itself, without type and comment."""
        return self.public.split()[1]


def make(comment: str) -> KeyPair:
    """Make a new ed25519 key pair."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return KeyPair(private.decode(), f"{public.decode()} {comment}")


def config_folder() -> Path:
    """Return the folder of this operator's own files: $HUBCTL_CONFIG_DIR, else ~/.config/hubctl."""
    chosen = os.environ.get("HUBCTL_CONFIG_DIR")
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(chosen) if chosen else Path(base) / "hubctl"


def operator_key_path(fleet: Fleet) -> Path:
    """Return where the private key for a fleet is, or will be: `operator.ssh_key`, else the fleet's own."""
    if fleet.operator.ssh_key:
        return Path(fleet.operator.ssh_key).expanduser()
    return config_folder() / "keys" / fleet.fleet


def operator_key(fleet: Fleet) -> Path:
    """Return the path of the operator's private key.

    Raises:
        HubError: there is no key yet.
    """
    path = operator_key_path(fleet)
    if not path.is_file():
        raise HubError(
            "no-operator-key",
            f"there is no key for fleet {fleet.fleet}",
            why=f"{path} does not exist",
            hint="run `hubctl create-node` once, or name your key as operator.ssh_key in the inventory",
            exit_code=Exit.NOT_ALLOWED,
        )
    return path


def ensure_operator_key(fleet: Fleet) -> tuple[str, bool]:
    """Return the operator's public key, and whether the pair was made just now."""
    path = operator_key_path(fleet)
    public = path.with_name(path.name + ".pub")
    if path.is_file():
        return public.read_text().strip() if public.is_file() else public_of(path), False
    if fleet.operator.ssh_key:
        operator_key(fleet)  # a key that the inventory names is never made silently: raises
    pair = make(f"hubctl-{fleet.fleet}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone_in(path.parent):
        if path.is_file():  # another run made it in the same moment
            return public_of(path), False
        write_file(path, pair.private)
        write_file(public, pair.public + "\n", 0o644)
    return pair.public, True


def public_of(path: Path) -> str:
    """Return the public half of a private key file, as `type base64`.

    Raises:
        HubError: it is no private key, or has a passphrase.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise HubError(
            "bad-operator-key",
            f"{path} cannot be used",
            why=str(error),
            hint=f"write its public half with `ssh-keygen -y -f {path} > {path}.pub`",
            exit_code=Exit.NOT_ALLOWED,
        ) from None
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode()
