"""SSH keys: the operator's, kept on this computer, and a node's host key, made before the node exists."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from .errors import Exit, HubError
from .inventory.load import place_of
from .inventory.model import Fleet
from .node.files import alone_in, write_file
from .reading import expanded, read_regular

NOTE = "# operator key: "
"""How an inventory's pins note the public key that its nodes trust."""
_MISSING = "which does not exist"


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
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(chosen) if chosen else expanded(base) / "hubctl"


def pins_path(inventory: Path) -> Path:
    """Return the path of an inventory's pinned host keys, which name the operator's key, too."""
    return inventory.with_suffix(".known_hosts")


def own_key_path(fleet: str, inventory: Path) -> Path:
    """Return where the key that hubctl makes for an inventory is kept: by the file, as two may have one fleet name."""
    place = hashlib.sha256(str(inventory.resolve()).encode()).hexdigest()[:8]
    return config_folder() / "keys" / f"{fleet}@{place}"


def operator_key_path(fleet: Fleet, inventory: Path) -> Path:
    """Return where the private key for an inventory is, or will be: `operator.ssh_key`, else one that hubctl made.

    That is the inventory's own. An inventory that was moved, or is checked out a second time, finds its key by what its
    pins note; one from before keys belonged to inventories, or whose key was handed on, as `keys/<fleet>`.
    """
    if fleet.operator.ssh_key:
        return expanded(fleet.operator.ssh_key)
    own, wanted = own_key_path(fleet.fleet, inventory), noted(inventory)
    if own.is_file() and (not wanted or _half(own) in ("", wanted)):
        return own
    shared = own.with_name(fleet.fleet)
    others = sorted(own.parent.glob(f"{fleet.fleet}@*.pub")) if wanted else []
    for other in (shared, *(public.with_suffix("") for public in others)):
        if other.is_file() and wanted and _half(other) == wanted:
            return other
    known = pins_path(inventory).exists() or inventory.with_suffix(".secrets").exists()
    if not own.is_file() and shared.is_file() and known and (not wanted or not _half(shared)):
        return shared
    return own


def _half(private: Path) -> str:
    """Return the public half beside a private key, as `type base64`; empty where there is none."""
    try:
        return _bare(read_regular(private.with_name(f"{private.name}.pub")).decode(errors="replace"))
    except (OSError, HubError):
        return ""


def _bare(public: str) -> str:
    return " ".join(public.split()[:2])


def noted(inventory: Path) -> str:
    """Return the operator's public key that an inventory's pins note, as `type base64`; empty where there is none."""
    try:
        lines = read_regular(pins_path(inventory)).decode(errors="replace").splitlines()
    except (OSError, HubError):
        return ""
    return next((_bare(line.removeprefix(NOTE)) for line in lines if line.startswith(NOTE)), "")


def operator_key(fleet: Fleet, inventory: Path) -> Path:
    """Return the path of the operator's private key.

    Raises:
        HubError: there is no key yet, it is gone, or others could read or replace it; what the inventory names is none.
    """
    path = operator_key_path(fleet, inventory)
    if fleet.operator.ssh_key:
        see_named(path, inventory)
        return path
    if not path.is_file():
        raise _lost(fleet, path, inventory) if pins_path(inventory).exists() else _none_yet(fleet, path)
    _keep_to_oneself(path)
    return path


def see_named(path: Path, inventory: Path) -> None:
    """Refuse what an inventory names as `operator.ssh_key` and is no private key.

    Raises:
        HubError: it is none (`bad-operator-key`), or there is nothing (`no-operator-key`); with its place there.
    """
    what, hint = _no_key(path)
    if what:
        raise HubError(
            "no-operator-key" if what == _MISSING else "bad-operator-key",
            f"`operator.ssh_key` is {path}, {what}",
            hint=hint,
            exit_code=Exit.NOT_ALLOWED,
            where=place_of(inventory, ("operator", "ssh_key")),
        )


def _no_key(path: Path) -> tuple[str, str]:
    """Return why a path leads to no private key, and what to do; nothing where it does."""
    try:
        begin = read_regular(path, 100).lstrip()
    except FileNotFoundError:
        return _MISSING, "correct the path; without `ssh_key` hubctl makes a key of its own"
    except IsADirectoryError:
        return "which is a folder", f"name the private key in it: ls {path}"
    except HubError:
        return "which is no file", f"put the key into a file, and name that: ls -l {path}"
    except ValueError:  # a null character
        return "which no file can be called", "correct the path"
    except OSError as error:
        return f"which cannot be read: {error.strerror}", f"ls -l {path}"
    if begin.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        return "which is a public key", f"name its private half: ls {path.with_suffix('')}"
    if not re.match(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", begin):
        return "which is no private key", "name a file that begins with -----BEGIN OPENSSH PRIVATE KEY-----"
    return "", ""


def ensure_operator_key(fleet: Fleet, inventory: Path) -> tuple[str, bool]:
    """Return the operator's public key, and whether the pair was made just now.

    Raises:
        HubError: the inventory names a key that is not there, or nodes trust one that is gone; it is never made anew.
    """
    path = operator_key_path(fleet, inventory)
    if path.is_file() or fleet.operator.ssh_key or pins_path(inventory).exists():
        return _public_key(fleet, operator_key(fleet, inventory)), False
    pair = make(f"hubctl-{fleet.fleet}")
    _make_folders(path.parent)
    _keep_to_oneself(path)
    with alone_in(path.parent):
        if path.is_file():  # another run made it in the same moment
            return _public_key(fleet, path), False
        write_file(path, pair.private)
        write_file(path.with_name(path.name + ".pub"), pair.public + "\n", 0o644)
    return pair.public, True


def _public_key(fleet: Fleet, path: Path) -> str:
    """Return the public half, which new machines trust: of a key of hubctl's own never what lies beside it."""
    if not fleet.operator.ssh_key:
        return f"{public_of(path)} hubctl-{fleet.fleet}"
    public = path.with_name(path.name + ".pub")
    return read_regular(public).decode(errors="replace").strip() if public.is_file() else public_of(path)


def adopt(fleet: Fleet, inventory: Path) -> Path:
    """Give an inventory a copy of its own of the key that it uses; others may use that one, too. Return its path."""
    used, own = operator_key(fleet, inventory), own_key_path(fleet.fleet, inventory)
    if used != own:
        with alone_in(own.parent):
            write_file(own.with_name(own.name + ".pub"), f"{_public_key(fleet, used)}\n", 0o644)
            write_file(own, used.read_bytes())
    return own


def _make_folders(path: Path) -> None:
    """Make a folder and those above it that are missing, for this user alone whatever the umask."""
    if not path.is_dir():
        _make_folders(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)


def _keep_to_oneself(path: Path) -> None:
    """Refuse a key that others can read, and folders in which others can replace it.

    Raises:
        HubError: they can.
    """
    for place, forbidden in ((path.parent.parent, 0o022), (path.parent, 0o022), (path, 0o077)):
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0
        if mode & forbidden:
            raise HubError(
                "key-too-open",
                f"others on this computer can {'read' if place == path else 'replace'} the operator's key",
                why=f"{place} has mode {mode:04o}",
                hint=f"chmod go-rwx {place}; if somebody may have used it, then `hubctl rotate-key ssh`",
                exit_code=Exit.NOT_ALLOWED,
            )


def _none_yet(fleet: Fleet, path: Path) -> HubError:
    return HubError(
        "no-operator-key",
        f"there is no key for fleet {fleet.fleet}",
        why=f"{path} does not exist",
        hint="run `hubctl create-node NODE` once, or name your key as operator.ssh_key in the inventory",
        exit_code=Exit.NOT_ALLOWED,
    )


def _lost(fleet: Fleet, path: Path, inventory: Path) -> HubError:
    return HubError(
        "operator-key-lost",
        f"the key that the nodes of fleet {fleet.fleet} trust is not here",
        why=f"{path} does not exist, and {pins_path(inventory)} names nodes that were made with it"
        + (f": {noted(inventory)}" if noted(inventory) else ""),
        hint="was it rotated elsewhere? Then pull the newer pins: they name the key of now. "
        "Otherwise put the private key there, from a backup or from who made the nodes (mode 0600). "
        "Is it gone for good? `hubctl destroy-node NODE` removes each, then they can be made anew",
        exit_code=Exit.NOT_ALLOWED,
    )


def public_of(path: Path) -> str:
    """Return the public half of a private key file, as `type base64`.

    Raises:
        HubError: it is no private key, or has a passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(read_regular(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        locked = isinstance(error, TypeError)  # it has a passphrase
        raise HubError(
            "bad-operator-key",
            f"{path} cannot be used",
            why=str(error),
            hint=f"write its public half with `ssh-keygen -y -f {path} > {path}.pub`"
            if locked
            else "put the key there from a backup, or name another as operator.ssh_key in the inventory",
            exit_code=Exit.NOT_ALLOWED,
        ) from None
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode()
