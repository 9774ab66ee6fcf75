"""The local cloud's API without machines: what its tests send requests to."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from provision import distributions
from provision.cloud.local.api import Cloud, create_app
from provision.cloud.local.machine import Layers, Order
from provision.cloud.local.model import Action
from provision.cloud.local.operations import Operations
from provision.cloud.local.store import Store
from provision.errors import HubError
from tests.support.waiting import eventually

TOKEN = "dop_v1_test"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl operator"
ORDER = {"name": "web", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "nyc3"}
IMAGES = distributions.IMAGES[:2]


@dataclass
class FakeMachines:
    """Machines that are only remembered; creating one waits for `gate` and fails on request."""

    gate: threading.Event = field(default_factory=threading.Event)
    orders: dict[int, Order] = field(default_factory=dict)
    snapshots: set[int] = field(default_factory=set)
    on: set[int] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    broken: bool = False

    def create(self, order: Order, report: Callable[[str], None]) -> None:
        report("making its image")
        self.gate.wait(30)
        if self.broken:
            raise HubError("machine-not-up", "no machine today")
        self.orders[order.number] = order
        self.on.add(order.number)

    def start(self, number: int) -> None:
        self.log.append(f"start {number}")
        self.on.add(number)

    def stop(self, number: int, *, gracefully: bool = True) -> None:
        self.log.append(f"stop {number} {'softly' if gracefully else 'hard'}")
        self.on.discard(number)

    def power_off(self, number: int, *, gracefully: bool) -> None:
        self.stop(number, gracefully=gracefully)

    def snapshot(self, number: int, snapshot: int) -> Layers:
        self.gate.wait(30)
        if self.broken:
            raise HubError("host-command-failed", "no disk today")
        below = self.orders[number].lowers or ("/images/base",)
        self.snapshots.add(snapshot)
        return Layers((f"/snapshots/{snapshot}", *below), 3 * 1024**3)

    def forget(self, snapshot: int) -> None:
        self.snapshots.discard(snapshot)

    def destroy(self, number: int) -> None:
        self.log.append(f"destroy {number}")
        self.orders.pop(number, None)
        self.on.discard(number)

    def console(self, number: int) -> str:
        return f"login on {number}"

    def running(self, number: int) -> bool:
        return number in self.on

    def wanted(self, number: int) -> bool:
        return number in self.orders


class Api:
    """A client of an API of its own."""

    def __init__(self, store: Store | None = None, per_hour: int = 5000, per_minute: int = 1000) -> None:
        self.machines = FakeMachines()
        self.machines.gate.set()
        self.store = store or Store(":memory:")
        self.operations = Operations(self.store, self.machines)
        self.now = 1_800_000_000.0
        self.app = create_app(
            Cloud(
                name="test",
                identity="abc123",
                token=TOKEN,
                subnet=ipaddress.IPv4Network("10.9.8.0/24"),
                subnet6=ipaddress.IPv6Network("fd00:9::/64"),
                images=IMAGES,
                store=self.store,
                machines=self.machines,
                operations=self.operations,
                requests_per_hour=per_hour,
                requests_per_minute=per_minute,
                clock=lambda: self.now,
            )
        )
        self.client: FlaskClient = self.app.test_client()

    def send(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.open(f"/v2/{path}", method=method, json=body, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json

    def refused(self, method: str, path: str, body: Any = None, status: int = 422) -> str:
        """Send what must be refused; returns the message."""
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        assert set(answer.json) == {"id", "message", "request_id"}
        return str(answer.json["message"])

    def droplet(self, **changes: Any) -> Any:
        """Order a droplet and wait for its machine."""
        made = self.post("droplets", ORDER | changes, 202)["droplet"]
        self.settle()
        return self.get(f"droplets/{made['id']}")["droplet"]

    def settle(self) -> None:
        """Wait until no action is in progress."""
        self.wait(lambda: not self.store.find(Action, lambda action: action.status == "in-progress"))

    @staticmethod
    def wait(condition: Callable[[], bool]) -> None:
        """Wait until background work has made a condition true."""
        eventually(condition, pause=0.005)
