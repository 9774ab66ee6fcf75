"""The cloud-init document a machine gets at birth: its host key and the operator's key."""

from __future__ import annotations

import yaml

from ..keys import KeyPair


def user_data(host_key: KeyPair, operator_public_key: str) -> str:
    """Return the cloud-config text; it holds the host's private key and is never logged.

    The key is made before the machine, so that the first connection is an authenticated one.
    """
    document = {
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["ed25519"],
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
        "disable_root": False,
        "ssh_pwauth": False,
        "users": [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": [operator_public_key]}],
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False)
