"""The account and its SSH keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from typing import Any

import msgspec
from flask import Blueprint

from ..model import SshKey
from .context import cloud
from .http import body, not_found, page, unprocessable

blueprint = Blueprint("account", __name__)


class _NewKey(msgspec.Struct):
    name: str
    public_key: str


class _Rename(msgspec.Struct):
    name: str


@blueprint.get("/account")
def get_account() -> dict[str, Any]:
    """Show the account that the token belongs to."""
    return {
        "account": {
            "droplet_limit": 240,
            "floating_ip_limit": 0,
            "volume_limit": 0,
            "email": f"operator@{cloud().name}.local-cloud",
            "name": cloud().name,
            "uuid": uuid.uuid5(uuid.NAMESPACE_DNS, cloud().identity).hex,
            "email_verified": True,
            "status": "active",
            "status_message": "",
        }
    }


@blueprint.get("/account/keys")
def list_keys() -> dict[str, Any]:
    """List the account's keys."""
    return page("ssh_keys", [_show(key) for key in cloud().store.find(SshKey)])


@blueprint.post("/account/keys")
def create_key() -> tuple[dict[str, Any], int]:
    """Add a key; each can be there only once."""
    new = body(_NewKey)
    fingerprint = md5_fingerprint(new.public_key)
    if not new.name:
        raise unprocessable("Name can't be blank")
    with cloud().store.transaction():
        if cloud().store.find(SshKey, lambda key: key.fingerprint == fingerprint):
            raise unprocessable("SSH Key is already in use on your account")
        # Kept to the letter: clients find their key again by comparing the text.
        key = cloud().store.add(SshKey(name=new.name, public_key=new.public_key, fingerprint=fingerprint))
    return {"ssh_key": _show(key)}, 201


@blueprint.get("/account/keys/<identifier>")
def get_key(identifier: str) -> dict[str, Any]:
    """Show a key by number or fingerprint."""
    return {"ssh_key": _show(_find(identifier))}


@blueprint.put("/account/keys/<identifier>")
def rename_key(identifier: str) -> dict[str, Any]:
    """Give a key another name."""
    key = msgspec.structs.replace(_find(identifier), name=body(_Rename).name)
    cloud().store.save(key)
    return {"ssh_key": _show(key)}


@blueprint.delete("/account/keys/<identifier>")
def delete_key(identifier: str) -> tuple[str, int]:
    """Remove a key from the account; droplets that have it keep it."""
    cloud().store.remove(_find(identifier))
    return "", 204


def find_for_droplet(identifier: str | int) -> SshKey:
    """Return a key of the account for a droplet order; raises RequestError 422."""
    key = _match(str(identifier))
    if key is None:
        raise unprocessable(f"{identifier} are invalid key identifiers for Droplet creation.")
    return key


def md5_fingerprint(public_key: str) -> str:
    """Return a public key's MD5 fingerprint in colon notation; raises RequestError 422 for what is no key."""
    invalid = unprocessable("Key invalid, key should be of the format `ssh-ed25519 AAAA... comment`")
    fields = public_key.split()
    if len(fields) < 2 or "\n" in public_key.strip():
        raise invalid
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except binascii.Error:
        raise invalid from None
    # The blob begins with its own type, length first.
    if blob[4 : 4 + len(fields[0])] != fields[0].encode() or blob[:4] != len(fields[0]).to_bytes(4, "big"):
        raise invalid
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def _find(identifier: str) -> SshKey:
    key = _match(identifier)
    if key is None:
        raise not_found()
    return key


def _match(identifier: str) -> SshKey | None:
    found = cloud().store.find(SshKey, lambda key: identifier in (str(key.id), key.fingerprint))
    return found[0] if found else None


def _show(key: SshKey) -> dict[str, Any]:
    return {"id": key.id, "name": key.name, "public_key": key.public_key, "fingerprint": key.fingerprint}
