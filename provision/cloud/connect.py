"""From an inventory to its cloud, and to the ACME directory its certificates come from."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from .base import Cloud

API = "https://api.digitalocean.com/v2/"
ACME_DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}


def local_name(fleet: Fleet, inventory: Path) -> str:
    """Return the name of an inventory's local cloud: its own for every checkout, HUBCTL_LOCAL_NAME overrides."""
    chosen = os.environ.get("HUBCTL_LOCAL_NAME")
    if chosen:
        return chosen
    place = hashlib.sha256(str(inventory.resolve()).encode()).hexdigest()[:6]
    return f"{fleet.fleet[:24]}-{place}"


def connect(fleet: Fleet, inventory: Path) -> Cloud:
    """Return the cloud of a fleet.

    Raises:
        HubError: there is no token, or the local cloud is not running.
    """
    from .digitalocean import DigitalOcean

    if fleet.provider == "local":
        from .local.instance import load

        instance = load(local_name(fleet, inventory))
        return DigitalOcean(instance.endpoint, instance.token)
    token = os.environ.get("DIGITALOCEAN_ACCESS_TOKEN", "")
    if not token:
        raise HubError(
            "cloud-token",
            "there is no DigitalOcean token",
            why="DIGITALOCEAN_ACCESS_TOKEN is not set",
            hint="export DIGITALOCEAN_ACCESS_TOKEN=… (a token that may read and write)",
            exit_code=Exit.NOT_ALLOWED,
        )
    return DigitalOcean(os.environ.get("DIGITALOCEAN_END_POINT", API), token)


def acme_directory(fleet: Fleet, inventory: Path) -> str:
    """Return the URL of the fleet's ACME directory."""
    server = fleet.acme.server
    if server == "local":
        from .local.instance import load

        return load(local_name(fleet, inventory)).acme_directory
    return ACME_DIRECTORIES.get(server, server)
