"""The transport of DigitalOcean's API v2, for every cloud that speaks it (the local one does).

python-digitalocean does the talking; its transport is replaced as a whole, because the original opens a connection per
POST, has no limit of time or size, repeats nothing, follows `next` links to any host with the token in hand, and loses
the status of errors.

A cloud misbehaves: it limits, fails, cuts, answers late, or answers what is no answer. Each answer is read whole,
within bounds of size and time, into a type. What may be repeated is repeated, patiently and visibly; an order (POST)
only where the cloud did not look at it, or where it was looked for and is not there.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from digitalocean.baseapi import DELETE, GET, POST, PUT, BaseAPI, EndPointError, JSONReadError
from urllib3.exceptions import HTTPError, NewConnectionError

from .. import __version__
from ..errors import Exit, HubError
from .answers import Failure, Page
from .base import Say, silent
from .patience import Patience, Waiting, asked_for

PAGES_AT_MOST = 200
LARGEST_ANSWER = 8 << 20
MISSING = 404
REFUSED = 422  # what is asked for contradicts what is there
TOKENS = ("DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN")

T = TypeVar("T")
P = TypeVar("P", bound=Page)

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
_SAFE = (GET, PUT, DELETE)  # twice is as once
# By msgspec, and by python-digitalocean where an answer has another shape than it takes for granted.
_UNREADABLE = (JSONReadError, AttributeError, KeyError, TypeError, ValueError, RecursionError)


def scope_of(kind: str, path: str) -> str:
    """Return the scope that a token of limited access needs for a request, empty where it is not known."""
    thing = next((scope for prefix, scope in _SCOPES.items() if path.startswith(prefix)), "")
    verb = "update" if path.endswith("/actions") and kind == POST else _VERBS[kind]
    return f"{thing}:{verb}" if thing else ""


class ApiError(HubError):
    """A call that did not succeed.

    Attributes:
        status: HTTP's; 0 when there was no answer.
        readable: False when the answer was none that hubctl knows.
        connected: False when nobody listened: nothing was sent.
        wanted: seconds after which the cloud wants to be asked again, if it says so.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        host: str,
        request_id: str = "",
        scope: str = "",
        readable: bool = True,
        connected: bool = True,
        wanted: float | None = None,
    ) -> None:
        self.status, self.readable, self.connected, self.wanted = status, readable, connected, wanted
        super().__init__(
            _code(status, readable=readable),
            f"{host} answers: {message}" if status else message,
            why=f"HTTP {status}" + (f", request {request_id}" if request_id else "") if status else "",
            hint=_hint(status, scope, wanted),
            exit_code=_exit(status, readable=readable),
        )

    @property
    def passing(self) -> bool:
        """Whether the same call may well succeed a little later."""
        return self.status in (0, 429) or self.status >= 500 or not self.readable

    @property
    def unsure(self) -> bool:
        """Whether an order may have been carried out all the same."""
        return self.passing and self.status != 429 and self.connected


def _code(status: int, *, readable: bool) -> str:
    if not readable:
        return "cloud-unreadable"
    codes = {0: "cloud-unreachable", 401: "cloud-token", 403: "cloud-forbidden", 404: "cloud-not-found"}
    return codes.get(status, "cloud-rate-limit" if status == 429 else "cloud-refused")


def _hint(status: int, scope: str, wanted: float | None) -> str:
    if status == 0:
        return "check the network; for a local fleet run `hubctl local up`"
    if status == 401:
        return f"set {' or '.join(TOKENS)} to a token of the account"
    if status == 403 and scope:
        return f"the token lacks the scope `{scope}`: add it, or use a token of full access"
    if status == 429:
        when = f"{wanted:.0f} seconds, as the cloud asks" if wanted else "a few minutes"
        return f"wait {when}, then run the same command again"
    return "" if 300 <= status < 500 else "run the same command again: it carries on from here"


def _exit(status: int, *, readable: bool) -> Exit:
    if status in (401, 403):
        return Exit.NOT_ALLOWED
    return Exit.UNREACHABLE if status == 0 or status >= 500 or not readable else Exit.FAILED


@dataclass(frozen=True)
class _Answer:
    """What python-digitalocean reads of an answer: it has come whole, and is no error."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    ok: bool = True

    def json(self) -> Any:
        return msgspec.json.decode(self.content)


class Api(BaseAPI):  # type: ignore[misc]  # the library has no types
    """A cloud's API: the library's object with a transport of our own; `get_data` is its one entry point.

    Args:
        endpoint: URL of the API, up to `/v2/`.
        token: the bearer token.
        patience: how long it is borne with.
        say: shows what is waited for.

    Raises:
        HubError: the endpoint is no URL.
    """

    def __init__(
        self, endpoint: str, token: str, *, patience: Patience | None = None, say: Say = silent
    ) -> None:
        try:
            super().__init__(token=token, end_point=endpoint if endpoint.endswith("/") else endpoint + "/")
        except (EndPointError, ValueError):
            raise HubError(
                "cloud-endpoint",
                f"`{endpoint}` is no URL of a cloud",
                hint="set DIGITALOCEAN_END_POINT to one like https://api.digitalocean.com/v2/, or unset it",
            ) from None
        self._host = urlsplit(self.end_point).netloc
        self._patience, self.say = patience or Patience(), say
        # The library logs whole payloads, user_data with the host key among them.
        self._log.setLevel(logging.CRITICAL)
        self._session.trust_env = self._host.split(":")[0] not in ("127.0.0.1", "localhost")
        self._session.headers.update(
            {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "User-Agent": f"hubctl/{__version__}",
            }
        )
        # Netrc would put other credentials in the place of the token.
        self._session.auth = lambda request: request

    def get(self, path: str, kind: type[T], **params: str | int) -> T:
        """Return what is at a path."""
        return self._repeated(GET, path, kind, params)

    def find(self, path: str, kind: type[T], **params: str | int) -> T | None:
        """Return what is at a path, or None when there is nothing."""
        try:
            return self.get(path, kind, **params)
        except ApiError as error:
            if error.status == MISSING:
                return None
            raise

    def pages(self, path: str, kind: type[P], **params: str | int) -> Iterator[P]:
        """Yield the pages of a list."""
        for number in range(1, PAGES_AT_MOST + 1):
            page = self.get(path, kind, page=number, **params)
            yield page
            if not (page.links and page.links.pages and page.links.pages.next):
                return
        raise self._error(200, f"a list that does not end after {PAGES_AT_MOST} pages")

    def put(self, path: str, fields: Mapping[str, Any], kind: type[T]) -> T:
        """Set what is at a path; return it."""
        return self._repeated(PUT, path, kind, fields)

    def delete(self, path: str) -> None:
        """Delete what is at a path; nothing there is no error."""
        try:
            self._repeated(DELETE, path, object, {})
        except ApiError as error:
            if error.status != MISSING:
                raise

    def order(
        self, path: str, fields: Mapping[str, Any], kind: type[T], look: Callable[[], T | None] | None = None
    ) -> T:
        """Have something made or done; return the answer.

        Where the cloud leaves open whether it did, it is looked for. It is ordered again only when the cloud has said
        that it failed and nothing is there: what got no answer may still be on its way.

        Args:
            path: where to.
            fields: what is ordered.
            kind: of the answer.
            look: finds what may have been made; without it, nothing unsure is repeated.

        Raises:
            ApiError: it was refused, or nobody knows whether it was done.
        """
        waiting = Waiting(self._patience, self.say)
        while True:
            try:
                return self._repeated(POST, path, kind, fields)
            except ApiError as error:
                if not error.unsure or look is None:
                    raise
                found, again = self._looked(error, look, waiting)
                if found is not None:
                    return found
                if not (again and error.status >= 500):
                    error.hint = (
                        "it is not known whether that was done: run the same command again, it looks first"
                    )
                    raise

    def _looked(
        self, error: ApiError, look: Callable[[], T | None], waiting: Waiting
    ) -> tuple[T | None, bool]:
        """Look for what an order may have made; return it, and whether there is time to order again."""
        again = True
        while again:
            again = waiting.again(f"{error.message}; looking whether it was done", error.wanted)
            try:
                found = look()
            except ApiError:
                return None, False  # the order's own error says more
            if found is not None or error.status >= 500:
                return found, again
        return None, False

    def _repeated(self, method: str, path: str, kind: type[T], fields: Mapping[str, Any]) -> T:
        """Send a request, again where that is safe; return what is read from the answer."""
        waiting = Waiting(self._patience, self.say)
        while True:
            try:
                return self._asked(method, path, kind, fields)
            except ApiError as error:
                safe = method in _SAFE or not error.unsure
                if not (error.passing and safe):
                    raise
                if not waiting.again(error.message, error.wanted, connected=error.connected):
                    raise

    def _asked(self, method: str, path: str, kind: type[T], fields: Mapping[str, Any]) -> T:
        """Send a request once; return what is read from the answer."""
        try:
            return msgspec.convert(self.get_data(path, type=method, params=dict(fields)), type=kind)
        except _UNREADABLE as error:
            message = f"what is no answer to this ({str(error)[:200]})"
            raise self._error(200, message, readable=False) from None

    # The two names below are those that the library's `get_data` calls.

    def _BaseAPI__deal_with_pagination(self, *call: Any) -> Any:  # noqa: N802
        return call[-1]  # this page: `pages` asks for the next one by its number, and follows no link

    def _BaseAPI__perform_request(self, url: str, type: str, params: Mapping[str, Any]) -> _Answer:  # noqa: A002, N802
        """Send a request once; return the answer, which is no error."""
        fields = {key: value for key, value in params.items() if value is not None}
        try:
            with self._session.request(
                type,
                self.end_point + url,
                params=fields if type == GET else None,
                data=json.dumps(fields) if type in (POST, PUT) else None,
                timeout=(self._patience.connect, self._patience.read),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise self._error(
                0,
                f"no answer from {self._host} ({error.__class__.__name__})",
                connected=not _nobody_listened(error),
            ) from None
        if not 200 <= response.status_code < 300:
            raise self._failure(response, content, scope_of(type, url))
        return _Answer(response.status_code, response.headers, content)

    def _read(self, response: requests.Response) -> bytes:
        """Read an answer's body, which is cut or too slow or too large at times.

        Raises:
            HTTPError, OSError: it did not come whole.
            ApiError: it is too large.
        """
        ends, content = time.monotonic() + self._patience.read, bytearray()
        while part := response.raw.read1(1 << 16, decode_content=True):
            content += part
            if len(content) > LARGEST_ANSWER:
                raise self._error(response.status_code, "more than an answer can be", readable=False)
            if time.monotonic() > ends:
                raise TimeoutError
        return bytes(content)

    def _failure(self, response: requests.Response, content: bytes, scope: str) -> ApiError:
        """Return the error of an answer, whatever its shape."""
        try:
            said = msgspec.json.decode(content, type=Failure)
        except (ValueError, RecursionError):
            said = Failure()
        status = response.status_code
        message = said.message or said.error or response.reason or "an error without a text"
        return self._error(
            status,
            message[:2000],
            request_id=said.request_id or response.headers.get("x-request-id", "")[:100],
            scope=scope,
            wanted=asked_for(response.headers) if status == 429 or status >= 500 else None,
        )

    def _error(self, status: int, message: str, **more: Any) -> ApiError:
        return ApiError(status, message, host=self._host, **more)


def _nobody_listened(error: Exception) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
