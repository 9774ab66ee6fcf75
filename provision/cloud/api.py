"""The transport of DigitalOcean's API v2, for every cloud that speaks it (the local one does).

python-digitalocean does the talking; its transport is replaced as a whole, because the original opens a connection
per POST, has no time limit and no retries, follows `next` links to any host with the token in hand, and
loses the status of errors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from digitalocean.baseapi import DELETE, GET, POST, PUT, BaseAPI
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from ..errors import Exit, HubError

CONNECT_SECONDS, READ_SECONDS = 5, 30
PAGES_AT_MOST = 200
RETRIES = 5
MISSING = 404
REFUSED = 422  # what is asked for contradicts what is there
TOKENS = ("DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN")

_SCOPES = {
    "account/keys": "ssh_key",
    "domains": "domain",
    "droplets": "droplet",
    "images": "image",
    "regions": "regions",
    "sizes": "sizes",
    "snapshots": "snapshot",
}
_VERBS = {GET: "read", POST: "create", PUT: "update", DELETE: "delete"}


def scope_of(kind: str, path: str) -> str:
    """Return the scope that a token of limited access needs for a request, empty where it is not known."""
    thing = next((scope for prefix, scope in _SCOPES.items() if path.startswith(prefix)), "")
    verb = "update" if path.endswith("/actions") and kind == POST else _VERBS[kind]
    return f"{thing}:{verb}" if thing else ""


class ApiError(HubError):
    """An answer of the cloud that is an error; `status` is HTTP's, 0 when there was no answer."""

    def __init__(
        self, status: int, message: str, *, endpoint: str, request_id: str = "", scope: str = ""
    ) -> None:
        self.status = status
        super().__init__(
            _code(status),
            f"{urlsplit(endpoint).netloc} answers: {message}" if status else message,
            why=f"HTTP {status}" + (f", request {request_id}" if request_id else "") if status else "",
            hint=_hint(status, scope),
            exit_code=_exit(status),
        )


def _code(status: int) -> str:
    codes = {0: "cloud-unreachable", 401: "cloud-token", 403: "cloud-forbidden", 404: "cloud-not-found"}
    return codes.get(status, "cloud-rate-limit" if status == 429 else "cloud-refused")


def _hint(status: int, scope: str) -> str:
    if status == 0:
        return "check the network; for a local fleet run `hubctl local up`"
    if status == 401:
        return f"set {' or '.join(TOKENS)} to a token of the account"
    if status == 403 and scope:
        return f"the token lacks the scope `{scope}`: add it, or use a token of full access"
    if status == 429:
        return "wait a few minutes, then run the same command again"
    return ""


def _exit(status: int) -> Exit:
    if status in (401, 403):
        return Exit.NOT_ALLOWED
    return Exit.UNREACHABLE if status == 0 or status >= 500 else Exit.FAILED


class Api(BaseAPI):  # type: ignore[misc]  # the library has no types
    """The library's API object with a transport of our own; `get_data` is its one entry point.

    Args:
        endpoint: URL of the API, up to `/v2/`.
        token: the bearer token.
        backoff: the first pause before a request is repeated, in seconds; each next one is twice as long.
    """

    def __init__(self, endpoint: str, token: str, *, backoff: float = 1.0) -> None:
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
        if not response.ok:
            message, request_id = _explain(response)
            raise ApiError(
                response.status_code,
                message,
                endpoint=self.end_point,
                request_id=request_id,
                scope=scope_of(type, url),
            )
        return response

    def call(self, path: str, kind: str = GET, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the API; return the answer's body, all pages of a list joined, {} for an empty one."""
        self._pages = 0
        answer = self.get_data(path, type=kind, params=dict(params or {}))
        return answer if isinstance(answer, dict) else {}

    def find(self, path: str) -> dict[str, Any] | None:
        """Return what is at a path, or None when there is nothing."""
        try:
            return self.call(path)
        except ApiError as error:
            if error.status == MISSING:
                return None
            raise

    def delete(self, path: str) -> None:
        """Delete what is at a path; nothing there is no error."""
        try:
            self.call(path, DELETE)
        except ApiError as error:
            if error.status != MISSING:
                raise


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
