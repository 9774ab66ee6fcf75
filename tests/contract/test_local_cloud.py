"""The local cloud keeps to DigitalOcean's own OpenAPI document, request by request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.support.local_api import KEY, ORDER, TOKEN, Api

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def contract() -> OpenAPI:
    return OpenAPI.from_file_path(str(Path(__file__).with_name("do_openapi.json")))


class Checked(Api):
    """An API whose every request and answer is held against the contract."""

    def __init__(self, contract: OpenAPI, **limits: int) -> None:
        super().__init__(**limits)
        self.contract = contract

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        builder = EnvironBuilder(
            f"/v2/{path}", base_url="https://api.digitalocean.com", method=method, json=body
        )
        builder.headers["Authorization"] = f"Bearer {TOKEN}"
        request = WerkzeugOpenAPIRequest(Request(builder.get_environ()))
        if status < 400:
            self.contract.validate_request(request)
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        self.contract.validate_response(request, WerkzeugOpenAPIResponse(answer))
        return answer.json


@pytest.fixture
def api(contract: OpenAPI) -> Checked:
    return Checked(contract)


def test_the_contract_notices_a_broken_answer(api: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.cloud.local.api.catalog.size", lambda _: {"slug": 7})
    with pytest.raises(Exception, match=r"(?i)schema|data|invalid"):
        api.call("GET", "sizes")


def test_account_and_keys(api: Checked) -> None:
    api.call("GET", "account")
    key = api.call("POST", "account/keys", {"name": "me", "public_key": KEY}, 201)["ssh_key"]
    api.call("GET", "account/keys")
    api.call("GET", f"account/keys/{key['id']}")
    api.call("PUT", f"account/keys/{key['fingerprint']}", {"name": "you"})
    api.call("DELETE", f"account/keys/{key['id']}", status=204)
    api.call("GET", f"account/keys/{key['id']}", status=404)


def test_catalog(api: Checked) -> None:
    for path in ("sizes", "regions", "images", "images?type=distribution", "images/debian-13-x64"):
        api.call("GET", path)


def test_droplets_from_order_to_removal(api: Checked) -> None:
    api.machines.gate.clear()
    order = ORDER | {"tags": ["red"], "user_data": "#cloud-config\n{}", "ipv6": True, "monitoring": False}
    made = api.call("POST", "droplets", order, 202)
    number = made["droplet"]["id"]
    api.call("GET", f"droplets/{number}")
    api.call("GET", f"actions/{made['links']['actions'][0]['id']}")
    api.machines.gate.set()
    api.settle()
    api.call("GET", f"droplets/{number}")
    for query in ("", "?tag_name=red", "?name=web", "?page=1&per_page=1"):
        api.call("GET", f"droplets{query}")
    api.call("POST", "droplets", {k: v for k, v in ORDER.items() if k != "name"} | {"names": ["a", "b"]}, 202)
    api.settle()
    api.call("GET", "droplets?per_page=2")
    api.call("DELETE", f"droplets/{number}", status=204)
    api.call("GET", f"droplets/{number}", status=404)
    api.call("DELETE", "droplets?tag_name=red", status=204)


@pytest.mark.parametrize("kind", ["power_on", "power_off", "shutdown", "reboot", "power_cycle"])
def test_actions(api: Checked, kind: str) -> None:
    number = api.droplet(tags=["red"])["id"]
    action = api.call("POST", f"droplets/{number}/actions", {"type": kind}, 201)["action"]
    api.settle()
    api.call("GET", f"actions/{action['id']}")
    api.call("GET", f"droplets/{number}/actions/{action['id']}")
    api.call("GET", f"droplets/{number}/actions")
    api.call("GET", "actions?per_page=1")
    api.call("POST", "droplets/actions?tag_name=red", {"type": kind}, 201)
    api.settle()


def test_rename_and_rebuild(api: Checked) -> None:
    number = api.droplet()["id"]
    for body in ({"type": "rename", "name": "other"}, {"type": "rebuild", "image": "debian-12-x64"}):
        api.call("POST", f"droplets/{number}/actions", body, 201)
        api.settle()


def test_snapshots(api: Checked) -> None:
    droplet = api.droplet()["id"]
    api.call("POST", f"droplets/{droplet}/actions", {"type": "snapshot", "name": "kept"}, 201)
    api.settle()
    number = api.call("GET", "snapshots")["snapshots"][0]["id"]
    for path in ("snapshots?resource_type=droplet", f"snapshots/{number}", f"droplets/{droplet}/snapshots"):
        api.call("GET", path)
    for path in ("images", "images?private=true", f"images/{number}", f"droplets/{droplet}"):
        api.call("GET", path)
    api.call("PUT", f"images/{number}", {"name": "other"})
    made = api.call("POST", "droplets", ORDER | {"name": "two", "image": int(number)}, 202)["droplet"]["id"]
    api.settle()
    api.call("DELETE", f"snapshots/{number}", status=204)
    api.call("GET", f"droplets/{made}")
    api.call("GET", f"snapshots/{number}", status=404)
    api.call("POST", f"droplets/{droplet}/actions", {"type": "snapshot", "name": "again"}, 201)
    api.settle()
    number = api.call("GET", "snapshots")["snapshots"][0]["id"]
    api.call("POST", f"droplets/{droplet}/actions", {"type": "rebuild", "image": int(number)}, 201)
    api.settle()
    api.call("DELETE", f"images/{number}", status=204)


@pytest.mark.parametrize(
    "record",
    [
        {"type": "A", "name": "www", "data": "10.9.8.10", "ttl": 60},
        {"type": "AAAA", "name": "www", "data": "fd00::1"},
        {"type": "CNAME", "name": "alias", "data": "www.demo.test."},
        {"type": "TXT", "name": "@", "data": "v=spf1 -all"},
        {"type": "MX", "name": "@", "data": "mail.demo.test.", "priority": 10},
        {
            "type": "SRV",
            "name": "_sip._tcp",
            "data": "www.demo.test.",
            "priority": 1,
            "port": 5060,
            "weight": 2,
        },
        {"type": "CAA", "name": "@", "data": "letsencrypt.org", "flags": 0, "tag": "issue"},
        {"type": "NS", "name": "sub", "data": "ns1.demo.test."},
    ],
    ids=lambda record: record["type"],
)
def test_domains_and_records(api: Checked, record: dict[str, Any]) -> None:
    record = {"flags": None, "tag": None} | record  # the document wants them with records that have none
    api.call("POST", "domains", {"name": "demo.test", "ip_address": "10.9.8.10"}, 201)
    api.call("GET", "domains")
    api.call("GET", "domains/demo.test")
    made = api.call("POST", "domains/demo.test/records", record, 201)["domain_record"]
    api.call("GET", f"domains/demo.test/records?type={record['type']}")
    api.call("GET", f"domains/demo.test/records/{made['id']}")
    api.call("PUT", f"domains/demo.test/records/{made['id']}", record | {"ttl": 90})
    api.call("PATCH", f"domains/demo.test/records/{made['id']}", {"type": record["type"], "ttl": 120})
    api.call("DELETE", f"domains/demo.test/records/{made['id']}", status=204)
    api.call("DELETE", "domains/demo.test", status=204)
    api.call("GET", "domains/demo.test", status=404)


def test_tags(api: Checked) -> None:
    number = api.droplet()["id"]
    api.call("POST", "tags", {"name": "red"}, 201)
    resources = {"resources": [{"resource_id": str(number), "resource_type": "droplet"}]}
    api.call("POST", "tags/red/resources", resources, 204)
    api.call("GET", "tags")
    api.call("GET", "tags/red")
    api.call("DELETE", "tags/red/resources", resources, 204)
    api.call("DELETE", "tags/red", status=204)


def test_errors(contract: OpenAPI) -> None:
    api = Checked(contract, per_minute=2)
    api.call("GET", "droplets/77", status=404)
    api.call("POST", "droplets", ORDER | {"size": "none"}, 422)
    api.call("GET", "account", status=429)
