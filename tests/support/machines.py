"""What is done to machines: from outside, as at the cloud's own console, and from inside."""

from __future__ import annotations

import requests

from provision.cloud.api import Api
from provision.cloud.digitalocean import DigitalOceanMachines
from tests.support.fleet import Fleet
from tests.support.waiting import eventually

LIMIT = 120
"""Seconds that a machine may take to stop or to come back; it takes three."""


def cloud(fleet: Fleet) -> DigitalOceanMachines:
    """Return the cloud that the fleet's machines are in."""
    return DigitalOceanMachines(Api(fleet.instance.endpoint, fleet.instance.token))


def power(fleet: Fleet, node: str, action: str) -> None:
    """Order `power_off`, `power_on` or `power_cycle`, and wait until the cloud has done it."""
    (machine,) = cloud(fleet).find(f"{node}.{fleet.name}.test")
    url = f"{fleet.instance.endpoint.rstrip('/')}/droplets/{machine.id}/actions"
    headers = {"Authorization": f"Bearer {fleet.instance.token}"}
    order = requests.post(url, json={"type": action}, headers=headers, timeout=30).json()["action"]

    def done() -> bool:
        answer = requests.get(f"{url}/{order['id']}", headers=headers, timeout=30)
        return answer.json()["action"]["status"] == "completed"

    eventually(done, seconds=LIMIT)


def booted(fleet: Fleet, node: str) -> str:
    """Return what differs from boot to boot; empty while the node is down."""
    return fleet.ssh(node, "systemctl", "show", "--property=UserspaceTimestampMonotonic", check=False)


def reboot(fleet: Fleet, *nodes: str) -> None:
    """Reboot nodes from inside, all at once, and wait until they are back."""
    former = {node: booted(fleet, node) for node in nodes}
    for node in nodes:
        fleet.ssh(node, "systemctl", "reboot", check=False)
    for node in nodes:
        eventually(lambda node=node: booted(fleet, node) not in ("", former[node]), seconds=LIMIT, what=node)


def power_cycle(fleet: Fleet, node: str) -> None:
    """Cut the node's power, and wait until it is back."""
    former = booted(fleet, node)
    power(fleet, node, "power_cycle")
    eventually(lambda: booted(fleet, node) not in ("", former), seconds=LIMIT, what=node)
