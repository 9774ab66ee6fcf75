"""What is done to machines from outside, as at the cloud's own console."""

from __future__ import annotations

import requests

from provision.cloud.digitalocean import DigitalOcean
from tests.nodes.fleet import Fleet, eventually


def power(fleet: Fleet, node: str, action: str) -> None:
    """Order `power_off`, `power_on` or `power_cycle`, and wait until the cloud has done it."""
    cloud = DigitalOcean(fleet.instance.endpoint, fleet.instance.token)
    (machine,) = cloud.machines_named(f"{node}.{fleet.name}.test")
    url = f"{fleet.instance.endpoint.rstrip('/')}/droplets/{machine.id}/actions"
    headers = {"Authorization": f"Bearer {fleet.instance.token}"}
    order = requests.post(url, json={"type": action}, headers=headers, timeout=30).json()["action"]

    def done() -> bool:
        answer = requests.get(f"{url}/{order['id']}", headers=headers, timeout=30)
        return answer.json()["action"]["status"] == "completed"

    eventually(done, seconds=120)
