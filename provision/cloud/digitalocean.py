"""DigitalOcean, and every cloud that speaks its API v2 (the local one does).

python-digitalocean does the talking; its transport is replaced as a whole, because the original opens a connection
per POST, has no time limit and no retries, follows `next` links to any host with the token in hand, and
loses the status of errors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from digitalocean.baseapi import DELETE, GET, POST, PUT, BaseAPI
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from ..errors import Exit, HubError
from .base import ActionStatus, DnsRecord, Machine, MachineSpec

CONNECT_SECONDS, READ_SECONDS = 5, 30
PAGES_AT_MOST = 200
RETRIES = 5
REFUSED = 422  # what is asked for contradicts what is there


class ApiError(HubError):
    """An answer of the cloud that is an error; `status` is HTTP's, 0 when there was no answer."""

    def __init__(self, status: int, message: str, *, endpoint: str, request_id: str = "") -> None:
        self.status = status
        super().__init__(
            _code(status),
            f"{urlsplit(endpoint).netloc} answers: {message}" if status else message,
            why=f"HTTP {status}" + (f", request {request_id}" if request_id else "") if status else "",
            hint=_hint(status),
            exit_code=_exit(status),
        )


def _code(status: int) -> str:
    codes = {0: "cloud-unreachable", 401: "cloud-token", 403: "cloud-forbidden", 404: "cloud-not-found"}
    return codes.get(status, "cloud-rate-limit" if status == 429 else "cloud-refused")


def _hint(status: int) -> str:
    if status == 0:
        return "check the network; for a local fleet run `hubctl local up`"
    if status in (401, 403):
        return "set DIGITALOCEAN_ACCESS_TOKEN to a token that may read and write"
    if status == 429:
        return "wait a few minutes, then run the same command again"
    return ""


def _exit(status: int) -> Exit:
    if status in (401, 403):
        return Exit.NOT_ALLOWED
    return Exit.UNREACHABLE if status == 0 or status >= 500 else Exit.FAILED


class Api(BaseAPI):  # type: ignore[misc]  # the library has no types
    """The library's API object with a transport of our own; `get_data` is its one entry point."""

    def __init__(self, endpoint: str, token: str, *, backoff: float) -> None:
        super().__init__()
        self.token = token
        self.end_point = endpoint if endpoint.endswith("/") else endpoint + "/"
        self._host = urlsplit(self.end_point)[:2]
        self._pages = 0
        # POST is safe to repeat after a 429 alone: the request was not looked at.
        retry = Retry(
            total=RETRIES,
            backoff_factor=backoff,
            status_forcelist=(429,),
            allowed_methods=None,
            respect_retry_after_header=True,
            raise_on_status=False,
            connect=2,
            read=0,
        )
        self._session = requests.Session()
        self._session.trust_env = self._host[1].split(":")[0] not in ("127.0.0.1", "localhost")
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        # The library logs whole payloads, user_data with the host key among them.
        self._log.setLevel(logging.CRITICAL)

    def _BaseAPI__perform_request(  # noqa: N802  # the name that the library's get_data calls
        self,
        url: str,
        type: str = GET,  # noqa: A002
        params: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        target = urljoin(self.end_point, url.rstrip("/"))
        self._pages += 1
        if self._pages > PAGES_AT_MOST:
            raise ApiError(
                0, f"the cloud's list does not end after {PAGES_AT_MOST} pages", endpoint=self.end_point
            )
        if urlsplit(target)[:2] != self._host:
            raise ApiError(
                0,
                f"the cloud's answer points to another host: {urlsplit(target).netloc}",
                endpoint=self.end_point,
            )
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = None if type in (GET, DELETE) else json.dumps(_without_nulls(params or {}))
        try:
            response = self._session.request(
                type,
                target,
                headers=headers,
                params=dict(params or {}) if type == GET else None,
                data=body,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except requests.RequestException as error:
            raise ApiError(
                0, f"no answer from {self._host[1]} ({error.__class__.__name__})", endpoint=self.end_point
            ) from None
        self._guard(response)
        return response

    def _guard(self, response: requests.Response) -> None:
        if not response.ok:
            message, request_id = _explain(response)
            raise ApiError(response.status_code, message, endpoint=self.end_point, request_id=request_id)

    def call(self, path: str, kind: str = GET, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the API; return the answer's body, all pages of a list joined, {} for an empty one."""
        self._pages = 0
        answer = self.get_data(path, type=kind, params=dict(params or {}))
        return answer if isinstance(answer, dict) else {}


def _without_nulls(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value is not None}


def _explain(response: requests.Response) -> tuple[str, str]:
    """Return an error answer's message and request id, whatever its shape."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    message = body.get("message") or body.get("error") or response.reason or "an error without a text"
    return str(message), str(body.get("request_id") or response.headers.get("x-request-id", ""))


class DigitalOcean:
    """The API as hubctl uses it (see `base.Cloud`).

    Args:
        endpoint: URL of the API, up to `/v2/`.
        token: the bearer token.
        backoff: the first pause before a request is repeated, in seconds; each next one is twice as long.
    """

    def __init__(self, endpoint: str, token: str, *, backoff: float = 1.0) -> None:
        self._api = Api(endpoint, token, backoff=backoff)

    def machines(self, tag: str) -> list[Machine]:
        """List the machines with a tag."""
        return [_machine(item) for item in self._api.call("droplets", GET, {"tag_name": tag})["droplets"]]

    def machines_named(self, name: str) -> list[Machine]:
        """List the machines with exactly this name; GPU machines are listed apart by the API."""
        found = [
            *self._api.call("droplets", GET, {"name": name})["droplets"],
            *self._api.call("droplets", GET, {"name": name, "type": "gpus"})["droplets"],
        ]
        unique = {item["id"]: item for item in found if item["name"] == name}
        return [_machine(item) for item in unique.values()]

    def machine(self, machine_id: int) -> Machine | None:
        """Return one machine, or None when there is none with this id."""
        try:
            return _machine(self._api.call(f"droplets/{machine_id}")["droplet"])
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def create(self, spec: MachineSpec) -> tuple[int, int]:
        """Ask for a machine; return its id and the id of the action to wait for."""
        fields = {**asdict(spec), "monitoring": True}
        answer = self._api.call("droplets", POST, fields)
        return int(answer["droplet"]["id"]), int(answer["links"]["actions"][0]["id"])

    def action(self, action_id: int) -> ActionStatus:
        """Return how far an action is."""
        status: ActionStatus = self._api.call(f"actions/{action_id}")["action"]["status"]
        return status

    def destroy(self, machine_id: int) -> None:
        """Remove a machine and its disk; a missing one is no error."""
        self._delete(f"droplets/{machine_id}")

    def _delete(self, path: str) -> None:
        try:
            self._api.call(path, DELETE)
        except ApiError as error:
            if error.status != 404:
                raise

    def ssh_key(self, name: str, public_key: str) -> int:
        """Return the id of this public key at the cloud, registering it when it is new."""
        found = self._key_id(public_key)
        if found is not None:
            return found
        try:
            answer = self._api.call("account/keys", POST, {"name": name, "public_key": public_key})
        except ApiError as error:
            found = self._key_id(public_key) if error.status == REFUSED else None
            if found is None:
                raise
            return found  # another run has registered it in the same moment
        return int(answer["ssh_key"]["id"])

    def forget_ssh_key(self, public_key: str) -> None:
        """Remove a public key from the cloud's account; a missing one is no error."""
        found = self._key_id(public_key)
        if found is not None:
            self._delete(f"account/keys/{found}")

    def _key_id(self, public_key: str) -> int | None:
        wanted = public_key.split()[:2]
        items = self._api.call("account/keys")["ssh_keys"]
        return next((int(item["id"]) for item in items if item["public_key"].split()[:2] == wanted), None)

    def ensure_domain(self, domain: str) -> bool:
        """Have the cloud serve this domain; return whether it was added."""
        if self._serves(domain):
            return False
        try:
            self._api.call("domains", POST, {"name": domain})
        except ApiError as error:
            if error.status != REFUSED or not self._serves(domain):
                raise
            return False  # another run has added it in the same moment
        return True

    def _serves(self, domain: str) -> bool:
        try:
            self._api.call(f"domains/{domain}")
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def records(self, domain: str) -> list[DnsRecord]:
        """List a domain's records; none when the cloud does not serve the domain."""
        try:
            items = self._api.call(f"domains/{domain}/records")["domain_records"]
        except ApiError as error:
            if error.status == 404:
                return []
            raise
        return [_record(item) for item in items]

    def set_record(
        self, domain: str, kind: str, name: str, data: str, ttl: int, *, replacing: Sequence[DnsRecord]
    ) -> None:
        """Make `name` have exactly this record of its kind, in the place of those it has now."""
        fields = {"type": kind, "name": name, "data": data, "ttl": ttl}
        path = f"domains/{domain}/records"
        if replacing:
            self._api.call(f"{path}/{replacing[0].id}", PUT, fields)
            self.delete_records(domain, replacing[1:])
        else:
            self._api.call(path, POST, fields)

    def delete_records(self, domain: str, records: Sequence[DnsRecord]) -> None:
        """Delete records of a domain; missing ones are no error."""
        for record in records:
            self._delete(f"domains/{domain}/records/{record.id}")


def _machine(item: Mapping[str, Any]) -> Machine:
    networks = item.get("networks") or {}
    return Machine(
        id=int(item["id"]),
        name=item["name"],
        status=item["status"],
        ipv4=_public(networks.get("v4", [])),
        ipv6=_public(networks.get("v6", [])),
        tags=tuple(item.get("tags") or ()),
        size=item.get("size_slug") or "",
        image=(item.get("image") or {}).get("slug") or "",
        region=(item.get("region") or {}).get("slug") or "",
    )


def _public(networks: Sequence[Mapping[str, str]]) -> str:
    return next((network["ip_address"] for network in networks if network.get("type") == "public"), "")


def _record(item: Mapping[str, Any]) -> DnsRecord:
    return DnsRecord(int(item["id"]), item["type"], item["name"], item["data"], int(item.get("ttl") or 0))
