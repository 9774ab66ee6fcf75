"""From an inventory to its account at a provider, and to the ACME directory its certificates come from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, HubError
from ..inventory.model import Fleet
from .base import Dns, Machines, Say, fleet_tags, silent
from .existing import ExistingHosts

if TYPE_CHECKING:
    from .api import Api

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


@dataclass(frozen=True)
class Account:
    """What a fleet has of its provider; no name servers where these are the operator's own."""

    machines: Machines
    dns: Dns | None


def connect(fleet: Fleet, inventory: Path, say: Say = silent) -> Account:
    """Return the fleet's account at its provider.

    Args:
        fleet: the inventory.
        inventory: its path.
        say: shows what is waited for.

    Raises:
        HubError: there is no token, or the local cloud is not running.
    """
    if fleet.provider == "existing":
        return Account(ExistingHosts(fleet, fleet_tags(fleet)), None)
    from .digitalocean import DigitalOceanDns, DigitalOceanMachines

    api = _api(fleet, inventory, say)
    return Account(DigitalOceanMachines(api), DigitalOceanDns(api))


def _api(fleet: Fleet, inventory: Path, say: Say) -> Api:
    from .api import TOKENS, Api

    if fleet.provider == "local":
        from .local.instance import load

        instance = load(local_name(fleet, inventory))
        return Api(instance.endpoint, instance.token, say=say)
    token = next(filter(None, (os.environ.get(name) for name in TOKENS)), "")
    if not token:
        raise HubError(
            "cloud-token",
            "there is no DigitalOcean token",
            why=f"neither {' nor '.join(TOKENS)} is set",
            hint=f"export {TOKENS[0]}=… (a token that may read and write)",
            exit_code=Exit.NOT_ALLOWED,
        )
    return Api(os.environ.get("DIGITALOCEAN_END_POINT", API), token, say=say)


def acme_directory(fleet: Fleet, inventory: Path) -> str:
    """Return the URL of the fleet's ACME directory."""
    server = fleet.acme.server
    if server == "local":
        from .local.instance import load

        return load(local_name(fleet, inventory)).acme_directory
    return ACME_DIRECTORIES.get(server, server)
